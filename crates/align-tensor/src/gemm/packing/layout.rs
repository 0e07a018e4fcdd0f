//! The layout of packed weights.
//!
//! Weights `[n, k]` are cut into panels of two vectors' columns (outputs). The last panel has one vector if that is enough.
//! A panel holds its steps along `k` one after another, each for all of its columns:
//!
//! | precision | a step of a panel |
//! |---|---|
//! | `f32` | a value of each column |
//! | `bf16` | a pair of values of each column; the lower halves of the words hold even `k` |
//! | `bf16x3` | the pairs of all columns' high parts, then those of their low parts |
//! | `int8` | a pair of values of each column, 8 bits each |
//!
//! An odd `k` is padded with a zero. For AMX tiles `k` is padded with zeros to a multiple of 32.

use crate::cpu::Isa;
use crate::cpu::simd::{MAX_LANES, Op, Simd};
use crate::gemm::kernel::Kernel;
use crate::number::sizes::product;
use std::ops::Range;

/// The lanes of a vector of `isa`.
pub(crate) fn lanes(isa: Isa) -> usize {
    struct Lanes;
    impl Op for Lanes {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            S::LANES
        }
    }
    isa.dispatch(Lanes)
}

/// The layout of a packed matrix `[n, k]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedLayout {
    pub(crate) lanes: usize,
    pub(crate) kernel: Kernel,
    pub(crate) k: usize,
    pub(crate) n: usize,
}

impl PackedLayout {
    /// The layout for products of `f32`.
    pub(crate) fn for_f32(isa: Isa, n: usize, k: usize) -> Self {
        Self::new(isa, Kernel::F32, n, k)
    }

    pub(crate) fn new(isa: Isa, kernel: Kernel, n: usize, k: usize) -> Self {
        Self { lanes: lanes(isa), kernel, k, n }
    }

    /// Words of all panels.
    ///
    /// # Panics
    /// If they do not fit in memory.
    pub(crate) fn packed_len(self) -> usize {
        product(self.largest_size());
        self.unchecked_len()
    }

    /// [`packed_len`](Self::packed_len) for sizes from a file: `None` if they do not fit in memory.
    pub(crate) fn checked_len(self) -> Option<usize> {
        self.largest_size().into_iter().try_fold(size_of::<u32>(), usize::checked_mul)?;
        Some(self.unchecked_len())
    }

    /// Sizes whose product is at least the words that the panels take in any precision.
    fn largest_size(self) -> [usize; 4] {
        let (columns, inputs) = (2 * self.lanes, 2 * MAX_LANES);
        [self.n.div_ceil(columns), columns, self.k.div_ceil(inputs), inputs]
    }

    fn unchecked_len(self) -> usize {
        self.panels().checked_sub(1).map_or(0, |last| self.stored(last).end)
    }

    pub(crate) fn panels(self) -> usize {
        self.n.div_ceil(2 * self.lanes)
    }

    /// The outputs that a panel computes.
    pub(crate) fn columns(self, panel: usize) -> Range<usize> {
        let start = panel * 2 * self.lanes;
        start..self.n.min(start + 2 * self.lanes)
    }

    /// The columns that a panel stores: one vector or two, and always two for AMX tiles.
    pub(crate) fn width(self, panel: usize) -> usize {
        match self.kernel.unit.is_tiles() {
            true => 2 * self.lanes,
            false => self.columns(panel).len().div_ceil(self.lanes) * self.lanes,
        }
    }

    /// The words in which a panel is stored.
    pub(crate) fn stored(self, panel: usize) -> Range<usize> {
        let start = panel * self.kernel.stored_len(self.k, 2 * self.lanes);
        start..start + self.kernel.stored_len(self.k, self.width(panel))
    }
}
