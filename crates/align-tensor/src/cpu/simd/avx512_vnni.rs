//! AVX512-VNNI: products of four pairs of bytes, added to `i32` sums.

use super::avx512::Avx512;
use std::arch::x86_64::*;

/// Proof that the CPU has AVX512-VNNI in addition to what [`Avx512`] proves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Vnni(Avx512);

/// A computation for AVX512-VNNI. Like that of [`Op`](super::Op), `run` must be `#[inline(always)]`.
pub(crate) trait VnniOp {
    /// What the computation returns.
    type Output;
    /// Computes.
    fn run(self, unit: Avx512Vnni, s: Avx512) -> Self::Output;
}

impl Avx512Vnni {
    /// The proof, if the CPU has it.
    pub(crate) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx512vnni").then(Avx512::detect).flatten().map(Self)
    }

    /// Runs `op` in a function of its own, compiled for these instructions.
    #[inline(always)]
    pub(crate) fn outline<O: VnniOp>(self, op: O) -> O::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
        #[inline(never)]
        fn outlined<O: VnniOp>(unit: Avx512Vnni, op: O) -> O::Output {
            op.run(unit, unit.0)
        }
        // SAFETY: `self` exists only if every feature that the callee enables was detected.
        unsafe { outlined(self, op) }
    }

    /// `sum[lane] + a[0] b[lane][0] + .. + a[3] b[lane][3]`. The bytes of `a` are unsigned, those of
    /// `b` signed, and the sum wraps around.
    #[inline(always)]
    pub(crate) fn multiply_bytes(self, a: u32, b: __m512i, sum: __m512i) -> __m512i {
        // SAFETY: `self` exists only if AVX512-VNNI was detected.
        unsafe { _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(a.cast_signed()), b) }
    }
}
