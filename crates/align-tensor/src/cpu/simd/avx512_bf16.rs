//! AVX512-BF16: products of pairs of bf16 numbers, added to `f32` sums.
//!
//! `vdpbf16ps` adds the product of the pair's second numbers to the sum, then that of the first
//! ones, each rounded to nearest once: two fused multiply-adds. Unlike a multiply-add, it treats
//! subnormal operands and sums as zero and returns zero for a subnormal result.

use super::avx512::Avx512;
use half::bf16;
use std::arch::x86_64::*;

/// Proof that the CPU has AVX512-BF16 in addition to what [`Avx512`] proves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Bf16(Avx512);

/// Whether a product of pairs is faster than the two multiply-adds with the same result.
///
/// Measured by `peak_flops`, it needs half the time on AMD's CPUs from Zen 4 on. On Intel's (Sapphire and
/// Emerald Rapids, with AMX hidden by a hypervisor) it needs twice the time.
pub(crate) fn is_fast() -> bool {
    let vendor = __cpuid(0);
    [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).as_flattened() == b"AuthenticAMD"
}

/// A computation for AVX512-BF16. Like that of [`Op`](super::Op), `run` must be `#[inline(always)]`.
pub(crate) trait Bf16Op {
    /// Computes.
    fn run(self, unit: Avx512Bf16, s: Avx512);
}

impl Avx512Bf16 {
    /// The proof, if the CPU has it.
    pub(crate) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx512bf16").then(Avx512::detect).flatten().map(Self)
    }

    /// Runs `op` in a function of its own, compiled for these instructions.
    #[inline(always)]
    pub(crate) fn outline(self, op: impl Bf16Op) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
        #[inline(never)]
        fn outlined(unit: Avx512Bf16, op: impl Bf16Op) {
            op.run(unit, unit.0);
        }
        // SAFETY: `self` exists only if every feature that the callee enables was detected.
        unsafe { outlined(self, op) }
    }

    /// `sum + a.1 * b.1 + a.0 * b.0` for the pairs in each lane's bits.
    #[inline(always)]
    pub(crate) fn multiply_pairs(self, a: __m512, b: __m512, sum: __m512) -> __m512 {
        // SAFETY: `self` exists only if AVX512-BF16 was detected; the types have the same 512
        // bits and no invalid ones.
        unsafe {
            let pairs = |v: __m512| std::mem::transmute::<__m512, __m512bh>(v);
            _mm512_dpbf16_ps(sum, pairs(a), pairs(b))
        }
    }

    /// Stores 32 numbers rounded to bf16: those of `first`, then those of `second`.
    ///
    /// # Safety
    /// `p` must be valid for writes of 32 halves; no alignment is required.
    #[inline(always)]
    pub(crate) unsafe fn store_rounded(self, p: *mut bf16, first: __m512, second: __m512) {
        // SAFETY: the caller provides 32 writable halves; `self` proves the instruction; the types
        // have the same 512 bits.
        unsafe {
            let halves = _mm512_cvtne2ps_pbh(second, first);
            _mm512_storeu_si512(p.cast(), std::mem::transmute::<__m512bh, __m512i>(halves));
        }
    }
}
