//! Multiplication units: the instructions that multiply numbers of reduced precision.

#[cfg(target_arch = "x86_64")]
use crate::cpu::amx::Amx;
#[cfg(target_arch = "x86_64")]
use crate::cpu::amx::block::Tiles;
#[cfg(all(test, target_arch = "x86_64"))]
use crate::cpu::amx::emulated::Emulated;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512_bf16::Avx512Bf16;

/// The instructions that multiply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Multiply-adds of `f32` vectors. A product of two bf16 numbers is exact in `f32`, so they
    /// also multiply bf16 numbers on CPUs without a unit for that.
    Fma,
    /// AVX512-BF16.
    #[cfg(target_arch = "x86_64")]
    Pairs(Avx512Bf16),
    /// AMX.
    #[cfg(target_arch = "x86_64")]
    Tiles(Amx),
    /// AMX emulated by scalar code, with AVX-512's vectors.
    #[cfg(all(test, target_arch = "x86_64"))]
    EmulatedTiles(Emulated),
}

impl Unit {
    /// The unit's name, as users read it.
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

    /// AVX512-BF16, if the unit has it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn pairs(self) -> Option<Avx512Bf16> {
        match self {
            Self::Pairs(pairs) => Some(pairs),
            Self::Tiles(amx) => Some(amx.pairs()),
            _ => None,
        }
    }

    /// Whether the unit multiplies tiles.
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
