//! What multiplies, and what it asks of its operands.
//!
//! | precision | a step takes of `k` | a value on the left | a value of the weights |
//! |---|---|---|---|
//! | `f32` | 1 | as it is | `f32` |
//! | `bf16` | 2 | rounded to bf16 | bf16 |
//! | `bf16x3` | 2 | high and low bf16 | high and low bf16 |
//! | `int8` | 2 | rounded to bf16 | 8 bits, widened to bf16 (exactly) a panel at a time |

use crate::cpu::Isa;
use crate::cpu::simd::{Op, Simd};
use crate::cpu::unit::Unit;
use crate::number::Precision;
use crate::number::sizes::piece;
use std::ops::Range;

/// The longest chain of products added to one accumulator. Longer sums are cut into equal blocks:
/// the rounding error of a chain grows with its length, and a block's share of a panel and of
/// the rows stays in the caches.
const MAX_K_BLOCK: usize = 512;

/// The steps of a tile product: pairs in a row of a tile.
pub(super) const TILE_STEPS: usize = 16;

/// A precision and the instructions that make its products.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel {
    pub(crate) precision: Precision,
    pub(crate) unit: Unit,
}

impl Kernel {
    /// Products of `f32`.
    pub(crate) const F32: Self = Self { precision: Precision::F32, unit: Unit::Fma };

    /// The fastest on `isa`.
    pub(crate) fn new(isa: Isa, precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            _ => Self { precision, unit: isa.bf16_unit() },
        }
    }

    /// The numbers that a value is stored as.
    pub(crate) fn parts(self) -> usize {
        if self.precision == Precision::Bf16x3 { 2 } else { 1 }
    }

    /// The rows of a panel for sums of `k` products.
    pub(crate) fn steps(self, k: usize) -> usize {
        match self.precision {
            Precision::F32 => k,
            // What is behind `k` is zero on both sides.
            _ if self.unit.is_tiles() => k.div_ceil(2).next_multiple_of(TILE_STEPS),
            _ => k.div_ceil(2),
        }
    }

    /// Cuts so many steps into blocks of equal length, give or take one: what a tile adds up before it
    /// adds that to the sums of the blocks before. A block is not cut again.
    pub(crate) fn blocks(self, steps: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
        let longest = match self.precision {
            _ if self.unit.is_tiles() => steps,
            Precision::F32 => MAX_K_BLOCK,
            _ => MAX_K_BLOCK / 2,
        };
        let blocks = steps.div_ceil(longest);
        (0..blocks).map(move |block| piece(steps, block, blocks))
    }

    /// The words of 32 bits that a panel of so many columns is multiplied from.
    pub(crate) fn panel_len(self, k: usize, width: usize) -> usize {
        self.steps(k) * self.parts() * width
    }

    /// The words that it is stored in.
    pub(crate) fn stored_len(self, k: usize, width: usize) -> usize {
        match self.precision {
            // Two of 8 bits for each column of a step; columns come by whole vectors.
            Precision::Int8 => self.panel_len(k, width) / 2,
            _ => self.panel_len(k, width),
        }
    }

    /// The rows of a full tile on `isa`.
    pub(crate) fn max_rows(self, isa: Isa) -> usize {
        struct MaxRows(Kernel);
        impl Op for MaxRows {
            type Output = usize;
            #[inline(always)]
            fn run<S: Simd>(self, _: S) -> usize {
                crate::gemm::microkernel::max_rows::<S>(self.0)
            }
        }
        isa.dispatch(MaxRows(self))
    }
}
