//! Memory of a thread's own for rounded rows and widened panels.

use crate::memory::aligned::AlignedBuffer;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

thread_local! {
    /// Those that are not in use. Each grows to what the largest product has needed of it, so that a size seen before
    /// allocates nothing.
    static KEPT: RefCell<Vec<AlignedBuffer<f32>>> = const { RefCell::new(Vec::new()) };
}

/// A thread's scratch, given back when it is dropped. Its content is unspecified.
///
/// Who takes another meanwhile finds the one that was taken at the same depth before.
pub(crate) struct Scratch {
    buffer: AlignedBuffer<f32>,
    len: usize,
}

impl Scratch {
    /// `len` values.
    pub(crate) fn take(len: usize) -> Self {
        let kept = if len == 0 { None } else { KEPT.with_borrow_mut(Vec::pop) };
        let mut buffer = kept.unwrap_or_default();
        if buffer.len() < len {
            buffer = AlignedBuffer::zeroed(len);
        }
        Self { buffer, len }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[..self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[..self.len]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.len > 0 {
            let buffer = std::mem::take(&mut self.buffer);
            KEPT.with_borrow_mut(|kept| kept.push(buffer));
        }
    }
}

#[test]
fn a_thread_keeps_its_scratches() {
    let [first, again] = [0, 1].map(|_| {
        let outer = Scratch::take(100);
        let inner = Scratch::take(40);
        assert_eq!((outer.len(), inner.len()), (100, 40));
        [outer.as_ptr(), inner.as_ptr()]
    });
    assert_eq!(first, again);
    assert_ne!(first[0], first[1]);
}
