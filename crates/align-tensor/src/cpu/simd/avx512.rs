//! Sixteen lanes of AVX-512.

use super::{EIGHTH_POWERS, Op, Simd};
use half::{bf16, f16};
use std::arch::x86_64::*;

/// Proof that the CPU has AVX-512 F, BW, DQ and VL, and AVX2 with FMA.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512 {
    /// Whether it also has AVX512-BF16, with which rounding to bf16 is one instruction.
    has_bf16: bool,
}

impl Avx512 {
    /// The proof, if the CPU has them all. Each feature is checked by its own name.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma"))
        .then(|| Self { has_bf16: is_x86_feature_detected!("avx512bf16") })
    }
}

/// The mask of the first `n` lanes.
#[inline(always)]
fn mask(n: usize) -> __mmask16 {
    ((1u32 << n.min(16)) - 1) as __mmask16
}

/// Wraps intrinsics whose only duty is that the CPU has them.
macro_rules! avx512 {
    ($body:expr) => {
        // SAFETY: `self` exists only if AVX-512 F, BW, DQ and VL were detected, and
        // register-only intrinsics have no other duty.
        unsafe { $body }
    };
}

impl Simd for Avx512 {
    type V = __m512;
    const LANES: usize = 16;
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn outline<O: Op>(self, op: O) -> O::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        #[inline(never)]
        fn outlined<O: Op>(s: Avx512, op: O) -> O::Output {
            op.run(s)
        }
        // SAFETY: `self` exists only if every feature that the callee enables was detected.
        unsafe { outlined(self, op) }
    }

    #[inline(always)]
    fn avx512(self) -> Option<Avx512> {
        Some(self)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        avx512!(_mm512_set1_ps(x))
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: the caller provides 16 readable values; `self` proves AVX-512.
        unsafe { _mm512_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m512) {
        // SAFETY: the caller provides 16 writable values; `self` proves AVX-512.
        unsafe { _mm512_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> __m512 {
        // SAFETY: lanes outside the mask are not read; the caller provides the `n` inside.
        unsafe { _mm512_maskz_loadu_ps(mask(n), p) }
    }

    #[inline(always)]
    unsafe fn load_f16(self, p: *const f16) -> __m512 {
        // SAFETY: the caller provides 16 readable values; `self` proves AVX-512.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(p.cast())) }
    }

    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize, v: __m512) {
        // SAFETY: lanes outside the mask are not written; the caller provides the `n` inside.
        unsafe { _mm512_mask_storeu_ps(p, mask(n), v) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_add_ps(a, b))
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_sub_ps(a, b))
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_mul_ps(a, b))
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_div_ps(a, b))
    }

    #[inline(always)]
    fn recip(self, a: __m512) -> __m512 {
        // Like `recip_normal`. But for infinite `a` the residual is NaN (inf * 0), and the estimate
        // itself, zero, is the result.
        avx512!({
            let estimate = _mm512_rcp14_ps(a);
            let residual = _mm512_fnmadd_ps(a, estimate, _mm512_set1_ps(1.0));
            let finite = _mm512_cmp_ps_mask::<_CMP_ORD_Q>(residual, residual);
            _mm512_mask3_fmadd_ps(residual, estimate, estimate, finite)
        })
    }

    #[inline(always)]
    fn recip_normal(self, a: __m512) -> __m512 {
        // One Newton step doubles the 14 bits of the estimate.
        avx512!({
            let estimate = _mm512_rcp14_ps(a);
            let residual = _mm512_fnmadd_ps(a, estimate, _mm512_set1_ps(1.0));
            _mm512_fmadd_ps(residual, estimate, estimate)
        })
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        avx512!(_mm512_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_max_ps(a, b))
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_min_ps(a, b))
    }

    #[inline(always)]
    fn abs(self, a: __m512) -> __m512 {
        avx512!(_mm512_abs_ps(a))
    }

    #[inline(always)]
    fn copysign(self, a: __m512, sign: __m512) -> __m512 {
        avx512!({
            let bit = _mm512_set1_ps(-0.0);
            _mm512_or_ps(_mm512_andnot_ps(bit, a), _mm512_and_ps(bit, sign))
        })
    }

    #[inline(always)]
    fn select_lt(self, a: __m512, b: __m512, yes: __m512, no: __m512) -> __m512 {
        avx512!(_mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), no, yes))
    }

    #[inline(always)]
    fn round(self, a: __m512) -> __m512 {
        avx512!(_mm512_roundscale_ps::<0>(a))
    }

    #[inline(always)]
    fn ldexp(self, a: __m512, n: __m512) -> __m512 {
        avx512!(_mm512_scalef_ps(a, n))
    }

    #[inline(always)]
    fn exp2_of_eighths(self, bits: __m512) -> __m512 {
        // The permutation uses four bits of each index, so the table is repeated.
        avx512!({
            let bits = _mm512_castps_si512(bits);
            let table = _mm256_loadu_si256(EIGHTH_POWERS.as_ptr().cast());
            let table = _mm512_broadcast_i64x4(table);
            let power = _mm512_permutexvar_epi32(bits, table);
            _mm512_castsi512_ps(_mm512_add_epi32(power, _mm512_slli_epi32::<20>(bits)))
        })
    }

    #[inline(always)]
    fn fraction(self, a: __m512) -> __m512 {
        // The remainder of rounding down (1) to no bits after the binary point; zero for infinity.
        avx512!(_mm512_reduce_ps::<1>(a))
    }

    #[inline(always)]
    fn scale_by_floor(self, a: __m512, n: __m512) -> __m512 {
        // The instruction computes the floor itself.
        avx512!(_mm512_scalef_ps(a, n))
    }

    #[inline(always)]
    fn recip_estimate(self, a: __m512) -> __m512 {
        avx512!(_mm512_rcp14_ps(a))
    }

    #[inline(always)]
    fn reduce_add(self, a: __m512) -> f32 {
        avx512!({
            let oct = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
            let quad = _mm_add_ps(_mm256_castps256_ps128(oct), _mm256_extractf128_ps::<1>(oct));
            let pair = _mm_add_ps(quad, _mm_movehl_ps(quad, quad));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
        })
    }

    #[inline(always)]
    fn reduce_max(self, a: __m512) -> f32 {
        avx512!({
            let oct = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
            let quad = _mm_max_ps(_mm256_castps256_ps128(oct), _mm256_extractf128_ps::<1>(oct));
            let pair = _mm_max_ps(quad, _mm_movehl_ps(quad, quad));
            _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
        })
    }

    #[inline(always)]
    fn round_bf16(self, a: __m512) -> __m512 {
        avx512!({
            let bits = _mm512_castps_si512(a);
            let upper = _mm512_set1_epi32(0xffff_0000u32 as i32);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
            let rounded = _mm512_add_epi32(bits, half);
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
            let quiet = _mm512_set1_epi32(0x0040_0000);
            let rounded = _mm512_mask_or_epi32(rounded, nan, bits, quiet);
            let exponent = _mm512_set1_epi32(0x7f80_0000);
            let subnormal = _mm512_testn_epi32_mask(bits, exponent);
            let sign = _mm512_set1_epi32(i32::MIN);
            let rounded = _mm512_mask_and_epi32(rounded, subnormal, bits, sign);
            _mm512_castsi512_ps(_mm512_and_si512(rounded, upper))
        })
    }

    #[inline(always)]
    fn widen_pairs(self, pairs: __m512) -> [__m512; 2] {
        avx512!({
            let bits = _mm512_castps_si512(pairs);
            let upper = _mm512_and_si512(bits, _mm512_set1_epi32(0xffff_0000u32 as i32));
            [_mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits)), _mm512_castsi512_ps(upper)]
        })
    }

    #[inline(always)]
    unsafe fn store_upper_halves(self, p: *mut bf16, v: __m512) {
        // SAFETY: the caller provides 16 writable halves; `self` proves AVX-512.
        unsafe {
            let upper = _mm512_srli_epi32::<16>(_mm512_castps_si512(v));
            _mm256_storeu_si256(p.cast(), _mm512_cvtepi32_epi16(upper));
        }
    }

    #[inline(always)]
    unsafe fn store_bf16(self, p: *mut bf16, v: __m512) {
        // SAFETY: the caller provides 16 writable halves; `self` proves AVX-512, and
        // AVX512-BF16 by `has_bf16`.
        unsafe {
            if self.has_bf16 {
                convert_and_store(p, v);
            } else {
                self.store_upper_halves(p, self.round_bf16(v));
            }
        }
    }

    #[inline(always)]
    unsafe fn load_bf16(self, p: *const bf16) -> __m512 {
        // SAFETY: the caller provides 16 readable halves; `self` proves AVX-512.
        unsafe {
            let words = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(words))
        }
    }
}

/// Stores the lanes rounded to bf16 by AVX512-BF16's own conversion, which rounds like
/// [`Simd::round_bf16`].
///
/// It is written in assembly because the functions around it are not compiled for AVX512-BF16, so the
/// intrinsic cannot be inlined into them.
///
/// # Safety
/// The CPU must have AVX512-BF16, and `p` be valid for writes of 16 halves.
#[inline]
#[target_feature(enable = "avx512f,avx2")]
unsafe fn convert_and_store(p: *mut bf16, v: __m512) {
    // SAFETY: the caller's duties.
    unsafe {
        std::arch::asm!(
            "vcvtneps2bf16 {halves}, {v}",
            "vmovdqu ymmword ptr [{p}], {halves}",
            v = in(zmm_reg) v,
            p = in(reg) p,
            halves = out(ymm_reg) _,
            options(nostack, preserves_flags),
        );
    }
}
