//! The logistic function and SiLU.

use super::{
    exp::{COEFFICIENTS, LN2_HIGH, LN2_LOW, exp},
    polynomial,
};
use crate::simd::Simd;

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    s.recip(s.add(one, exp(s, s.sub(s.zero(), x))))
}

/// Beyond, `e^-x` is zero beside one or infinite.
const SATURATION: f32 = 104.0;

/// `1.5 * 2^23`: added to a number of smaller magnitude, it leaves the nearest integer in the last
/// bits.
const ROUNDER: f32 = 12_582_912.0;

/// SiLU, also called swish: `x / (1 + e^-x)`.
///
/// There are 64 million of them in align-base's image tower, so this is [`exp`] again with what it can do
/// without left out: with `n` the integer nearest to `-x / ln 2` and `r = x + n ln 2`, `e^-x` is
/// `2^n e^-r`. `silu(-inf)` is NaN, as in torch: infinity times zero.
#[inline(always)]
pub(crate) fn silu<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    let y = s.clamp_magnitude(x, s.splat(SATURATION));
    let rounder = s.splat(ROUNDER);
    let n = s.sub(s.mul_add(y, s.splat(-std::f32::consts::LOG2_E), rounder), rounder);
    let r = s.mul_add(n, s.splat(LN2_HIGH), y);
    let r = s.mul_add(n, s.splat(LN2_LOW), r);
    let [c0, c1, c2, c3, c4] = COEFFICIENTS;
    let power = s.ldexp(polynomial(s, r, [1.0, -1.0, c0, -c1, c2, -c3, c4]), n);
    s.mul(x, s.recip(s.add(one, power)))
}

/// Minimax `2^f` on `[0, 1]`, to within 7.5e-5 of itself.
const POWER: [f32; 4] = [0.999_925_2, 0.695_833_56, 0.226_067_16, 0.078_024_52];

/// SiLU to within `2^-12` of itself: for what is rounded to bf16 (`2^-8`) next, in half the instructions of [`silu`].
///
/// With `t = -x / ln 2`, `e^-x` is `2^floor(t) 2^(t - floor(t))`; the errors of the polynomial, `2^-13.7`, and of the
/// reciprocal's estimate, `2^-14`, come together.
#[inline(always)]
pub(crate) fn silu_bf16<S: Simd>(s: S, x: S::V) -> S::V {
    let t = s.mul(x, s.splat(-std::f32::consts::LOG2_E));
    let power = s.scale_by_floor(polynomial(s, s.fraction(t), POWER), t);
    s.mul(x, s.recip_estimate(s.add(s.splat(1.0), power)))
}
