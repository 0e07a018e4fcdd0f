//! Eight lanes of AVX2 with FMA and F16C.

use super::{EIGHTH_POWERS, Op, Simd};
use half::{bf16, f16};
use std::arch::x86_64::*;

/// Proof that the CPU has AVX2, FMA and F16C.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The proof, if the CPU has them all. Each feature is checked by its own name.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c"))
        .then_some(Self(()))
    }
}

/// All ones in the first `n` lanes, zeros in the others.
#[inline(always)]
fn mask(_proof: Avx2, n: usize) -> __m256i {
    const ONES_THEN_ZEROS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let n = n.min(8);
    // SAFETY: `_proof` proves AVX2. `8 - n` is in `0..=8`, so 8 of the 16 values can be read from
    // there on.
    unsafe { _mm256_loadu_si256(ONES_THEN_ZEROS.as_ptr().add(8 - n).cast()) }
}

/// Wraps intrinsics whose only duty is that the CPU has them.
macro_rules! avx2 {
    ($body:expr) => {
        // SAFETY: `self` exists only if AVX2, FMA and F16C were detected, and register-only
        // intrinsics have no other duty.
        unsafe { $body }
    };
}

impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn outline<O: Op>(self, op: O) -> O::Output {
        #[target_feature(enable = "avx2,fma,f16c")]
        #[inline(never)]
        fn outlined<O: Op>(s: Avx2, op: O) -> O::Output {
            op.run(s)
        }
        // SAFETY: `self` exists only if every feature that the callee enables was detected.
        unsafe { outlined(self, op) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        avx2!(_mm256_set1_ps(x))
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: the caller provides 8 readable values; `self` proves AVX2.
        unsafe { _mm256_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m256) {
        // SAFETY: the caller provides 8 writable values; `self` proves AVX2.
        unsafe { _mm256_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> __m256 {
        // SAFETY: lanes outside the mask are not read; the caller provides the `n` inside.
        unsafe { _mm256_maskload_ps(p, mask(self, n)) }
    }

    #[inline(always)]
    unsafe fn load_f16(self, p: *const f16) -> __m256 {
        // SAFETY: the caller provides 8 readable values; `self` proves F16C.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(p.cast())) }
    }

    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize, v: __m256) {
        // SAFETY: lanes outside the mask are not written; the caller provides the `n` inside.
        unsafe { _mm256_maskstore_ps(p, mask(self, n), v) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_add_ps(a, b))
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_sub_ps(a, b))
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_mul_ps(a, b))
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_div_ps(a, b))
    }

    #[inline(always)]
    fn recip(self, a: __m256) -> __m256 {
        self.div(self.splat(1.0), a)
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        avx2!(_mm256_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_max_ps(a, b))
    }

    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_min_ps(a, b))
    }

    #[inline(always)]
    fn abs(self, a: __m256) -> __m256 {
        avx2!(_mm256_andnot_ps(_mm256_set1_ps(-0.0), a))
    }

    #[inline(always)]
    fn copysign(self, a: __m256, sign: __m256) -> __m256 {
        avx2!({
            let bit = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_andnot_ps(bit, a), _mm256_and_ps(bit, sign))
        })
    }

    #[inline(always)]
    fn select_lt(self, a: __m256, b: __m256, yes: __m256, no: __m256) -> __m256 {
        avx2!(_mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)))
    }

    #[inline(always)]
    fn round(self, a: __m256) -> __m256 {
        avx2!(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a))
    }

    #[inline(always)]
    fn ldexp(self, a: __m256, n: __m256) -> __m256 {
        // In two steps, so that neither factor leaves the normal numbers.
        let half = self.round(self.mul(n, self.splat(0.5)));
        let rest = self.sub(n, half);
        avx2!({
            let pow2 = |n| {
                let biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
            };
            _mm256_mul_ps(_mm256_mul_ps(a, pow2(half)), pow2(rest))
        })
    }

    #[inline(always)]
    fn exp2_of_eighths(self, bits: __m256) -> __m256 {
        // The permutation uses three bits of each index.
        avx2!({
            let bits = _mm256_castps_si256(bits);
            let table = _mm256_loadu_si256(EIGHTH_POWERS.as_ptr().cast());
            let power = _mm256_permutevar8x32_epi32(table, bits);
            _mm256_castsi256_ps(_mm256_add_epi32(power, _mm256_slli_epi32::<20>(bits)))
        })
    }

    #[inline(always)]
    fn reduce_add(self, a: __m256) -> f32 {
        avx2!({
            let quad = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let pair = _mm_add_ps(quad, _mm_movehl_ps(quad, quad));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
        })
    }

    #[inline(always)]
    fn reduce_max(self, a: __m256) -> f32 {
        avx2!({
            let quad = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let pair = _mm_max_ps(quad, _mm_movehl_ps(quad, quad));
            _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
        })
    }

    #[inline(always)]
    fn round_bf16(self, a: __m256) -> __m256 {
        avx2!({
            let bits = _mm256_castps_si256(a);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
            let rounded = _mm256_castsi256_ps(_mm256_add_epi32(bits, half));
            let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x0040_0000));
            let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a);
            let rounded = _mm256_blendv_ps(rounded, _mm256_castsi256_ps(quiet), nan);
            let exponent = _mm256_and_si256(bits, _mm256_set1_epi32(0x7f80_0000));
            let subnormal = _mm256_cmpeq_epi32(exponent, _mm256_setzero_si256());
            let zero = _mm256_and_ps(a, _mm256_set1_ps(-0.0));
            let rounded = _mm256_blendv_ps(rounded, zero, _mm256_castsi256_ps(subnormal));
            let upper = _mm256_set1_epi32(0xffff_0000u32 as i32);
            _mm256_and_ps(rounded, _mm256_castsi256_ps(upper))
        })
    }

    #[inline(always)]
    fn widen_pairs(self, pairs: __m256) -> [__m256; 2] {
        avx2!({
            let bits = _mm256_castps_si256(pairs);
            let upper = _mm256_and_si256(bits, _mm256_set1_epi32(0xffff_0000u32 as i32));
            [_mm256_castsi256_ps(_mm256_slli_epi32::<16>(bits)), _mm256_castsi256_ps(upper)]
        })
    }

    #[inline(always)]
    unsafe fn store_upper_halves(self, p: *mut bf16, v: __m256) {
        // SAFETY: the caller provides 8 writable halves; `self` proves AVX2.
        unsafe {
            let upper = _mm256_srli_epi32::<16>(_mm256_castps_si256(v));
            let (low, high) = (_mm256_castsi256_si128(upper), _mm256_extracti128_si256::<1>(upper));
            _mm_storeu_si128(p.cast(), _mm_packus_epi32(low, high));
        }
    }

    #[inline(always)]
    unsafe fn load_bf16(self, p: *const bf16) -> __m256 {
        // SAFETY: the caller provides 8 readable halves; `self` proves AVX2.
        unsafe {
            let words = _mm256_cvtepu16_epi32(_mm_loadu_si128(p.cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(words))
        }
    }
}
