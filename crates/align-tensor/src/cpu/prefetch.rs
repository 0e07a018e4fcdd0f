//! What a tile fetches from memory while it multiplies.

use crate::memory::LINE;
use std::ops::Range;

/// A cache line, in bytes.
const LINE_BYTES: usize = LINE * size_of::<f32>();

/// Some bytes from an address on for each step of a tile, into the second-level cache. Any address
/// will do: nothing is read.
///
/// Memory is slow to begin and soon at its limit, so what comes next is asked for evenly over all the
/// work before it, not all of it just before.
#[derive(Clone, Copy)]
pub(crate) struct Fetch {
    pub(crate) from: *const f32,
    /// Bytes for each step, at most a cache line.
    pub(crate) pace: usize,
}

impl Fetch {
    /// What is fetched already.
    pub(crate) const NOTHING: Self = Self { from: std::ptr::null(), pace: 0 };

    /// A cache line for each step.
    pub(crate) fn lines(from: *const f32) -> Self {
        Self { from, pace: LINE_BYTES }
    }

    /// The share of `what` that falls to `part` of `0..all`, in so many steps.
    pub(crate) fn share(what: &[f32], part: Range<usize>, all: usize, steps: usize) -> Self {
        let [start, end] = [part.start, part.end].map(|at| what.len() * at / all);
        let bytes = size_of_val(&what[start..end]);
        Self { from: what[start..].as_ptr(), pace: bytes.div_ceil(steps).min(LINE_BYTES) }
    }

    /// What is left after some steps.
    pub(crate) fn after(self, steps: usize) -> Self {
        Self { from: self.at(steps), ..self }
    }

    /// The address to fetch in a step.
    #[inline(always)]
    pub(crate) fn at(self, step: usize) -> *const f32 {
        self.from.wrapping_byte_add(step * self.pace)
    }
}
