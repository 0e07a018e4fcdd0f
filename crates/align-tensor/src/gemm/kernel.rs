//! A precision, the unit that multiplies in it, and what both ask of their operands.
//!
//! | precision | inputs in a step | a value of the lhs | a value of the weights |
//! |---|---|---|---|
//! | `f32` | 1 | `f32`, read in place | `f32` |
//! | `bf16` | 2 | rounded to bf16 | bf16 |
//! | `bf16x3` | 2 | high and low bf16 | high and low bf16 |
//! | `int8` | 2 | rounded to bf16 | 8 bits, widened to bf16 (exactly) one panel at a time |

use crate::cpu::Isa;
use crate::cpu::unit::Unit;
use crate::number::Precision;
use crate::number::sizes::piece;
use std::ops::Range;

/// The longest chain of products that is added to one accumulator. Longer sums are cut into equal blocks: the rounding
/// error of a chain grows with its length, and a block of a panel and of the rows stays in the caches.
const MAX_K_BLOCK: usize = 512;

/// Steps of one tile product of AMX: pairs in a row of a tile.
pub(super) const TILE_STEPS: usize = 16;

/// A precision and the unit that multiplies in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel {
    pub(crate) precision: Precision,
    pub(crate) unit: Unit,
}

impl Kernel {
    /// Products of `f32`.
    pub(crate) const F32: Self = Self { precision: Precision::F32, unit: Unit::Fma };

    /// The fastest kernel of `isa` for `precision`.
    pub(crate) fn fastest(isa: Isa, precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            _ => Self { precision, unit: isa.bf16_unit() },
        }
    }

    /// Numbers that a value is stored as: 2 for a high and a low part.
    pub(crate) fn parts(self) -> usize {
        if self.precision == Precision::Bf16x3 { 2 } else { 1 }
    }

    /// Steps along `k` inputs, which are the rows of a panel.
    pub(crate) fn steps(self, k: usize) -> usize {
        match self.precision {
            Precision::F32 => k,
            // Both operands are padded with zeros after `k`.
            _ if self.unit.is_tiles() => k.div_ceil(2).next_multiple_of(TILE_STEPS),
            _ => k.div_ceil(2),
        }
    }

    /// Cuts `steps` into blocks of equal length, give or take one. A tile adds up one block before it adds that to the sums
    /// of the blocks before. A block is not cut again.
    pub(crate) fn blocks(self, steps: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
        let longest = self.max_block_steps(steps);
        let blocks = steps.div_ceil(longest);
        (0..blocks).map(move |block| piece(steps, block, blocks))
    }

    /// The longest block of [`blocks`](Self::blocks), in steps.
    pub(super) fn max_block_steps(self, steps: usize) -> usize {
        match self.precision {
            _ if self.unit.is_tiles() => steps,
            Precision::F32 => MAX_K_BLOCK,
            _ => MAX_K_BLOCK / 2,
        }
    }

    /// Words of a panel of `width` columns in the form that is multiplied.
    pub(crate) fn panel_len(self, k: usize, width: usize) -> usize {
        self.steps(k) * self.parts() * width
    }

    /// Words of a panel of `width` columns in the form that is stored.
    pub(crate) fn stored_len(self, k: usize, width: usize) -> usize {
        match self.precision {
            // Two values of 8 bits for each column of a step. Columns come in whole vectors.
            Precision::Int8 => self.panel_len(k, width) / 2,
            _ => self.panel_len(k, width),
        }
    }
}
