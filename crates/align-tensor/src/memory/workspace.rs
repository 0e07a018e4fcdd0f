//! Workspaces: memory of a thread's own that is kept from one product to the next.

use crate::memory::aligned::AlignedBuffer;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

thread_local! {
    /// Buffers that are not in use. Each grows to what the largest product has needed of it, so a size that was seen
    /// before allocates nothing.
    static KEPT: RefCell<Vec<AlignedBuffer<u32>>> = const { RefCell::new(Vec::new()) };
}

/// A workspace of this thread, in words of 32 bits. It is given back when it is dropped. Its content is unspecified.
///
/// Buffers are kept in a stack, so nested calls reuse the buffer of the same nesting depth.
pub(crate) struct Workspace {
    buffer: AlignedBuffer<u32>,
    len: usize,
}

impl Workspace {
    /// A workspace of `len` words.
    pub(crate) fn take(len: usize) -> Self {
        let kept = if len == 0 { None } else { KEPT.with_borrow_mut(Vec::pop) };
        let mut buffer = kept.unwrap_or_default();
        if buffer.len() < len {
            buffer = AlignedBuffer::zeroed(len);
        }
        Self { buffer, len }
    }
}

impl Deref for Workspace {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        &self.buffer[..self.len]
    }
}

impl DerefMut for Workspace {
    fn deref_mut(&mut self) -> &mut [u32] {
        &mut self.buffer[..self.len]
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if self.len > 0 {
            let buffer = std::mem::take(&mut self.buffer);
            KEPT.with_borrow_mut(|kept| kept.push(buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_workspaces() {
        let [first, again] = [0, 1].map(|_| {
            let outer = Workspace::take(100);
            let inner = Workspace::take(40);
            assert_eq!((outer.len(), inner.len()), (100, 40));
            [outer.as_ptr(), inner.as_ptr()]
        });
        assert_eq!(first, again);
        assert_ne!(first[0], first[1]);
    }
}
