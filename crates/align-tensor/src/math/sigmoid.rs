//! The logistic function and SiLU.

use super::exp::exp;
use super::polynomial;
use crate::cpu::simd::{ROUNDER, Simd};

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    s.recip(s.add(one, exp(s, s.sub(s.zero(), x))))
}

/// Below `-SATURATION`, SiLU is above `-2^-119` and is replaced by its value there. Above `SATURATION`,
/// it is `x`.
const SATURATION: f32 = 87.0;

/// `ln(2) / 8` in two parts (Cody and Waite): the high one has 13 bits, so that its product with `n`
/// is exact even without a fused multiply-add.
const EIGHTH_HIGH: f32 = 0.086_639_404;
const EIGHTH_LOW: f32 = 3.993_273e-6;

/// Minimax `e^-r` on `|r| <= ln(2)/16`, with a relative error of up to 1.8e-8.
const SMALL_POWER: [f32; 4] = [1.0, -1.0, 0.500_078_2, -0.166_651_03];

/// SiLU, also called swish: `x / (1 + e^-x)`.
///
/// The image tower of align-base evaluates 64 million of them, so the exponential has fewer steps than
/// [`exp`]. With `n` the integer nearest to `-8 x / ln 2` and `r = x + n ln(2)/8`, `e^-x` is
/// `2^(n/8) e^-r`. An eighth of a binade needs four coefficients. Saturated arguments need no care for
/// infinite or subnormal values. (So `silu(-inf)` is a number, while torch's is NaN.)
#[inline(always)]
pub(crate) fn silu<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    // `x` is the second operand, which min and max return for NaN.
    let x = s.max(s.splat(-SATURATION), x);
    let y = s.min(s.splat(SATURATION), x);
    let rounder = s.splat(ROUNDER);
    let bits = s.mul_add(y, s.splat(-8.0 * std::f32::consts::LOG2_E), rounder);
    let n = s.sub(bits, rounder);
    let r = s.mul_add(n, s.splat(EIGHTH_HIGH), y);
    let r = s.mul_add(n, s.splat(EIGHTH_LOW), r);
    let divisor = s.mul_add(s.exp2_of_eighths(bits), polynomial(s, r, SMALL_POWER), one);
    s.mul(x, s.recip_normal(divisor))
}

/// Minimax `2^f` on `[0, 1]`, with a relative error of up to 7.5e-5.
const POWER: [f32; 4] = [0.999_925_2, 0.695_833_56, 0.226_067_16, 0.078_024_52];

/// SiLU with a relative error of up to `2^-12`, in half the instructions of [`silu`]: for values that are
/// rounded to bf16 next, which has an error of `2^-8`.
///
/// With `t = -x / ln 2`, `e^-x` is `2^floor(t) 2^(t - floor(t))`. The errors of the polynomial, `2^-13.7`,
/// and of the reciprocal's estimate, `2^-14`, add up.
#[inline(always)]
pub(crate) fn silu_bf16<S: Simd>(s: S, x: S::V) -> S::V {
    let t = s.mul(x, s.splat(-std::f32::consts::LOG2_E));
    let power = s.scale_by_floor(polynomial(s, s.fraction(t), POWER), t);
    s.mul(x, s.recip_estimate(s.add(s.splat(1.0), power)))
}
