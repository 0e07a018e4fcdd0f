//! AMX: products of 16 x 32 by 32 x 16 bf16 numbers in tiles.
//!
//! `tdpbf16ps` takes a tile of 16 rows of 16 pairs, one of 16 pairs' rows by 16 columns, and adds
//! their product to a tile of 16 x 16 sums. All it reads and writes are rows of 64 bytes.
//!
//! - [`block`]: what is multiplied at once, two tiles by two, and the loop over `k`.
//! - [`detect`]: whether the CPU has it, and the system's leave to use it.
//! - [`tile_loop`]: that loop alone, for benchmarks.
//! - [`emulated`]: the same by scalar code, which is what the tests of everything around it run on.
//!
//! Within a tile product the even and the odd numbers of the pairs are summed apart, rounded to
//! nearest at each step, and then added to each other and to the sum; subnormals are zero on the
//! way in and out (Intel SDM, `TDPBF16PS`). So sums differ from those of other units in the last
//! bits. They depend on `k` alone all the same.

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

/// Proof that the CPU has AMX-TILE and AMX-BF16, beside AVX512-BF16, and that the system lets this
/// process use them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amx(Avx512Bf16);

impl Amx {
    /// The proof, where all of it is there. The system is asked once.
    pub(crate) fn detect() -> Option<Self> {
        use std::sync::OnceLock;
        static USABLE: OnceLock<bool> = OnceLock::new();
        let pairs = Avx512Bf16::detect()?;
        USABLE.get_or_init(detect::is_usable).then_some(Self(pairs))
    }

    /// The vectors beside the tiles.
    pub(crate) fn pairs(self) -> Avx512Bf16 {
        self.0
    }
}
