//! What multiplies, and what it asks of its operands.
//!
//! | precision | a step takes of `k` | a value on the left | a value of the weights |
//! |---|---|---|---|
//! | `f32` | 1 | as it is | `f32` |
//! | `bf16` | 2 | rounded to bf16 | bf16 |
//! | `bf16x3` | 2 | high and low bf16 | high and low bf16 |
//! | `int8` | 2 | rounded to bf16 | 8 bits, widened to bf16 (exactly) a panel at a time |

#[cfg(all(test, target_arch = "x86_64"))]
use crate::amx::emulated::Emulated;
use crate::{
    Isa, Precision,
    simd::{Op, Simd},
    sizes::piece,
};
#[cfg(target_arch = "x86_64")]
use crate::{
    amx::{Amx, block::Tiles},
    simd::avx512_bf16::Avx512Bf16,
};
use std::ops::Range;

/// The instructions that multiply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Multiply-adds of `f32` vectors. A product of two bf16 numbers is exact in them, so they
    /// also stand in where there is nothing else: see [`product`](super::product).
    Fma,
    /// AVX512-BF16.
    #[cfg(target_arch = "x86_64")]
    Pairs(Avx512Bf16),
    /// AMX.
    #[cfg(target_arch = "x86_64")]
    Tiles(Amx),
    /// AMX by scalar code, with AVX-512's vectors.
    #[cfg(all(test, target_arch = "x86_64"))]
    EmulatedTiles(Emulated),
}

impl Unit {
    /// What it is, in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fma => "emulated in f32 multiply-adds",
            #[cfg(target_arch = "x86_64")]
            Self::Pairs(_) => "AVX512-BF16",
            #[cfg(target_arch = "x86_64")]
            Self::Tiles(_) => "AMX tiles",
            #[cfg(all(test, target_arch = "x86_64"))]
            Self::EmulatedTiles(_) => "AMX tiles, emulated",
        }
    }

    /// AVX512-BF16, where that is there.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn pairs(self) -> Option<Avx512Bf16> {
        match self {
            Self::Pairs(pairs) => Some(pairs),
            Self::Tiles(amx) => Some(amx.pairs()),
            _ => None,
        }
    }

    /// Whether it multiplies tiles.
    pub(crate) fn is_tiles(self) -> bool {
        match self {
            Self::Fma => false,
            #[cfg(target_arch = "x86_64")]
            Self::Pairs(_) => false,
            #[cfg(target_arch = "x86_64")]
            _ => true,
        }
    }

    /// Runs `work` on this thread with the unit ready.
    #[inline(always)]
    pub(crate) fn ready<R>(self, work: impl FnOnce() -> R) -> R {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Tiles(amx) => amx.configured(work),
            _ => work(),
        }
    }
}

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
                super::microkernel::max_rows::<S>(self.0)
            }
        }
        isa.dispatch(MaxRows(self))
    }
}
