//! The logistic function and SiLU.

use super::exp;
use crate::simd::Simd;

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    s.recip(s.add(one, exp(s, s.sub(s.zero(), x))))
}

/// SiLU, also called swish: `x / (1 + e^-x)`.
///
/// `silu(-inf)` is NaN, as in torch: infinity times zero.
#[inline(always)]
pub(crate) fn silu<S: Simd>(s: S, x: S::V) -> S::V {
    s.mul(x, sigmoid(s, x))
}
