//! AMX: products of 16 x 32 by 32 x 16 bf16 numbers in tiles.
//!
//! `tdpbf16ps` multiplies a tile of 16 rows of 16 pairs by a tile of 16 rows of pairs, one pair for
//! each of 16 columns. It adds the product to a tile of 16 x 16 sums. Every row of a tile has 64
//! bytes.
//!
//! - [`block`]: the product of two tiles by two, and the loop over `k`.
//! - [`detect`]: whether the CPU has AMX and the system permits its use.
//! - [`emulated`]: AMX emulated by scalar code, on which the code around it is tested.
//!
//! A tile product sums the even and the odd numbers of the pairs separately, rounded to nearest at
//! each step. Then it adds the two sums to each other and to the former sum. Subnormal operands and
//! results are zero (Intel SDM, `TDPBF16PS`). So sums differ from those of other units in the last
//! bits, but like those they depend on `k` alone.

pub(crate) mod block;
mod detect;
#[cfg(test)]
pub(crate) mod emulated;
#[cfg(test)]
mod tests;

use crate::cpu::simd::avx512_bf16::Avx512Bf16;

/// Rows of a tile, and columns of a tile of sums.
pub(crate) const TILE: usize = 16;

/// Words of 32 bits in a row of a tile: pairs of bf16 numbers, or sums.
pub(crate) const TILE_WORDS: usize = 16;

/// Proof that the CPU has AMX-TILE and AMX-BF16, alongside AVX512-BF16, and that the system permits
/// this process to use them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amx(Avx512Bf16);

impl Amx {
    /// The proof, if the CPU and the system provide all of it. The system is asked once.
    pub(crate) fn detect() -> Option<Self> {
        use std::sync::OnceLock;
        static USABLE: OnceLock<bool> = OnceLock::new();
        let pairs = Avx512Bf16::detect()?;
        USABLE.get_or_init(detect::is_usable).then_some(Self(pairs))
    }

    /// The AVX512-BF16 unit, which every CPU with AMX has.
    pub(crate) fn pairs(self) -> Avx512Bf16 {
        self.0
    }
}
