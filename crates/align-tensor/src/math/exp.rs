//! The exponential.

use super::polynomial;
use crate::cpu::simd::Simd;

/// `ln 2` in two parts (Cody and Waite): the high one has 16 bits, so that its product with a
/// binary exponent is exact even without a fused multiply-add.
const LN2_HIGH: f32 = 0.693_145_75;
const LN2_LOW: f32 = 1.428_606_8e-6;

/// Minimax `(e^r - 1 - r) / r²` on `|r| <= ln(2)/2`: `e^r` with a relative error of up to 3.2e-9.
const COEFFICIENTS: [f32; 5] =
    [0.499_999_94, 0.166_665_17, 0.041_668_102, 0.008_369_192_5, 0.001_383_887_6];

/// Below, the result rounds to zero; above, it overflows.
const DOMAIN: (f32, f32) = (-104.0, 89.0);

/// `e^x`.
///
/// With `n` the integer nearest to `x / ln 2` and `r = x - n ln 2`, it is `2^n e^r`. Overflow
/// results in infinity, underflow is gradual, and NaN stays NaN.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    // `x` is the second operand, which min and max return for NaN.
    let x = s.min(s.splat(DOMAIN.1), s.max(s.splat(DOMAIN.0), x));
    let n = s.round(s.mul(x, s.splat(std::f32::consts::LOG2_E)));
    let r = s.mul_add(n, s.splat(-LN2_HIGH), x);
    let r = s.mul_add(n, s.splat(-LN2_LOW), r);
    let square = s.mul(r, r);
    let tail = s.mul_add(polynomial(s, r, COEFFICIENTS), square, r);
    s.ldexp(s.add(tail, s.splat(1.0)), n)
}
