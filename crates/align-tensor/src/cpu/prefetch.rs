//! Prefetches: what a tile requests from memory while it multiplies.

use crate::memory::LINE;
use std::ops::Range;

/// A cache line, in bytes.
const LINE_BYTES: usize = LINE * size_of::<f32>();

/// A number of bytes to be prefetched into the L2 cache in each step of a tile, from an address on. Any address will do:
/// nothing is read.
///
/// Memory has a long latency and a limited bandwidth, so prefetches are spread evenly over all the work before the data
/// are needed.
#[derive(Clone, Copy)]
pub(crate) struct Fetch {
    pub(crate) from: *const u8,
    /// Bytes for each step, at most a cache line.
    pub(crate) pace: usize,
}

impl Fetch {
    /// No prefetch.
    pub(crate) const NOTHING: Self = Self { from: std::ptr::null(), pace: 0 };

    /// One cache line in each step.
    pub(crate) fn lines<T>(from: *const T) -> Self {
        Self { from: from.cast(), pace: LINE_BYTES }
    }

    /// Part `part` of `0..all` of `data`, in `steps` steps.
    pub(crate) fn share<T>(data: &[T], part: Range<usize>, all: usize, steps: usize) -> Self {
        let [start, end] = [part.start, part.end].map(|at| data.len() * at / all);
        let bytes = size_of_val(&data[start..end]);
        let from = data[start..].as_ptr().cast();
        Self { from, pace: bytes.div_ceil(steps).min(LINE_BYTES) }
    }

    /// What is left after `steps` steps.
    pub(crate) fn after(self, steps: usize) -> Self {
        Self { from: self.at(steps), ..self }
    }

    /// The address to prefetch in a step.
    #[inline(always)]
    pub(crate) fn at(self, step: usize) -> *const u8 {
        self.from.wrapping_byte_add(step * self.pace)
    }
}
