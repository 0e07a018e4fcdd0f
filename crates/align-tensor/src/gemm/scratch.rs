//! Memory of a thread's own for rounded rows and widened panels.

use crate::AlignedBuffer;
use std::{
    cell::Cell,
    ops::{Deref, DerefMut},
};

thread_local! {
    /// Grows to what the largest product has needed, so that a size seen before allocates nothing.
    static KEPT: Cell<AlignedBuffer> = Cell::new(AlignedBuffer::zeroed(0));
}

/// A thread's scratch, given back when it is dropped. Its content is unspecified.
pub(crate) struct Scratch {
    buffer: AlignedBuffer,
    len: usize,
}

impl Scratch {
    /// At least `len` values.
    pub(crate) fn take(len: usize) -> Self {
        // Who takes it within a task that has taken it finds none and makes his own.
        let mut buffer = if len == 0 { AlignedBuffer::default() } else { KEPT.take() };
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
            KEPT.set(std::mem::take(&mut self.buffer));
        }
    }
}

#[test]
fn a_thread_keeps_its_scratch() {
    let first = Scratch::take(100).as_ptr();
    let mut again = Scratch::take(40);
    assert_eq!((again.as_ptr(), again.len()), (first, 40));
    again.fill(1.0);
    let within = Scratch::take(40);
    assert_ne!(within.as_ptr(), first);
}
