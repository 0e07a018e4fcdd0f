//! GELU, exact and by the usual `tanh` fit.

use super::{polynomial, sigmoid};
use crate::cpu::simd::Simd;

/// Beyond, `Φ(x)` is closer to zero or one than `2^-25`, the spacing of the numbers below one half.
const SATURATION: f32 = 5.5;

/// Minimax `Φ(x) - 1/2 = x P(x²) / Q(x²)` on `|x| <= SATURATION`, to within 7.3e-9. `P`:
const NUMERATOR: [f32; 6] =
    [0.398_942_23, 0.033_851_154, 4.677_149e-3, 1.688_076_2e-4, 6.351_741e-6, 2.274_903_1e-8];
/// `Q`. No coefficient of either is negative: nothing cancels.
const DENOMINATOR: [f32; 6] =
    [1.0, 0.251_518_2, 0.028_644_966, 1.884_344_4e-3, 7.364_036e-5, 1.197_466e-6];

/// `x Φ(x)`, where `Φ(x) = (1 + erf(x / √2)) / 2` is the normal distribution function.
///
/// `Φ` is the sum of one half and a fit, so its error is absolute: a few times `2^-25`. The error of
/// the result is that times `|x|`, which is not small relative to the tiny results for very negative
/// `x`. `gelu(-inf)` is NaN, as in torch: infinity times zero.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(s: S, x: S::V) -> S::V {
    let half = s.splat(0.5);
    let square = s.mul(x, x);
    let ratio =
        s.mul(polynomial(s, square, NUMERATOR), s.recip(polynomial(s, square, DENOMINATOR)));
    let saturated = s.copysign(half, x);
    let centered =
        s.select_lt(square, s.splat(SATURATION * SATURATION), s.mul(x, ratio), saturated);
    s.mul(x, s.add(half, centered))
}

/// `x (1 + tanh(u)) / 2` with `u = √(2/π) (x + 0.044715 x³)`, which is `x sigmoid(2u)`.
///
/// `gelu_tanh(-inf)` is NaN, as in torch.
#[inline(always)]
pub(crate) fn gelu_tanh<S: Simd>(s: S, x: S::V) -> S::V {
    /// `√(8/π)`, which is `2 √(2/π)`.
    const SCALE: f32 = 1.595_769_2;
    const CUBIC: f32 = SCALE * 0.044_715;
    let slope = s.mul_add(s.mul(x, x), s.splat(CUBIC), s.splat(SCALE));
    s.mul(x, sigmoid(s, s.mul(x, slope)))
}
