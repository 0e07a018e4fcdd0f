//! Buffers that start on a cache line.

use bytemuck::Pod;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, which is also the widest vector.
const LINE_BYTES: usize = 64;

/// Words of four bytes (`f32` or `u32`) in a cache line.
pub(crate) const LINE: usize = LINE_BYTES / 4;

/// A cache line of any content.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(super) struct Line([u8; LINE_BYTES]);

impl Line {
    /// The number of lines that `len` elements fill.
    ///
    /// # Panics
    /// If `usize` cannot count their bytes.
    pub(super) fn count<T>(len: usize) -> usize {
        let bytes = len.checked_mul(size_of::<T>()).expect("an array that fits in memory");
        bytes.div_ceil(LINE_BYTES)
    }
}

/// A fixed-size buffer that starts on a 64-byte boundary, zeroed when made.
#[derive(Clone)]
pub struct AlignedBuffer<T> {
    lines: Vec<Line>,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Pod> AlignedBuffer<T> {
    /// A buffer of `len` zeros.
    ///
    /// # Panics
    /// If `usize` cannot count the buffer's bytes.
    pub fn zeroed(len: usize) -> Self {
        Self { lines: bytemuck::zeroed_vec(Line::count::<T>(len)), len, element: PhantomData }
    }
}

impl<T> Default for AlignedBuffer<T> {
    /// An empty buffer, which has allocated nothing.
    fn default() -> Self {
        Self { lines: Vec::new(), len: 0, element: PhantomData }
    }
}

impl<T: Pod> Deref for AlignedBuffer<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }
}

impl<T: Pod> DerefMut for AlignedBuffer<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

impl<T> std::fmt::Debug for AlignedBuffer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AlignedBuffer({} x {})", self.len, std::any::type_name::<T>())
    }
}

/// `len` words of four bytes, rounded up to whole cache lines.
pub(crate) const fn round_up_to_line(len: usize) -> usize {
    len.div_ceil(LINE) * LINE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_on_a_line_and_has_its_length() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let mut buffer = AlignedBuffer::<f32>::zeroed(len);
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr() as usize % 64, 0);
            buffer.fill(1.0);
            assert_eq!(buffer.iter().sum::<f32>(), len as f32);
        }
    }

    #[test]
    fn counts_elements_of_any_size() {
        for len in [0, 1, 31, 32, 33, 1000] {
            let mut buffer = AlignedBuffer::<u16>::zeroed(len);
            assert_eq!((buffer.len(), buffer.as_ptr() as usize % 64), (len, 0));
            buffer.fill(3);
            assert_eq!(buffer.iter().map(|&x| usize::from(x)).sum::<usize>(), 3 * len);
        }
    }
}
