//! Elementary functions on vectors, generic over the instruction set.
//!
//! - [`exp()`]: the exponential, of which the others are made.
//! - [`sigmoid()`], [`silu`]: the logistic function, and `x` times it; [`silu_bf16`] for values that are
//!   rounded to bf16 next.
//! - [`tanh()`]: the hyperbolic tangent.
//! - [`gelu()`], [`gelu_tanh`]: `x` times the normal distribution function, and its `tanh` fit.
//!
//! | function | largest error, in units in the last place (ULP) of the exact result |
//! |---|---|
//! | `exp` | 1.1, gradual underflow included |
//! | `sigmoid` | 2.5; for `x < -87`, which underflows, `2^-126` |
//! | `silu` | 4; for `x < -87`, with the result for -87, `2^-119` |
//! | `silu_bf16` | `2^-12` of the result; for `x < -87`, which underflows, `2^-119` |
//! | `tanh` | 1.5 |
//! | `gelu` | 4 for `x >= 0`; below, the larger of that and `4 \|x\| 2^-24` |
//! | `gelu_tanh` | 3 for `x >= -1`; below, the larger of that and `3 \|x\| 2^-24` |
//!
//! The tests check these bounds on a sample of every binade, and on request on all `2^32`
//! arguments. The polynomial coefficients were derived for this crate by minimax fits to values in
//! 40 digits. Most come from weighted Remez exchanges: one coefficient after the other is rounded to
//! `f32`, and the rest are fitted again. Those of GELU's ratio of polynomials come from a reweighted
//! linear least-squares fit.

pub(crate) mod activation;
mod exp;
mod gelu;
mod sigmoid;
mod tanh;

pub(crate) use exp::exp;
pub(crate) use gelu::{gelu, gelu_tanh};
pub(crate) use sigmoid::{sigmoid, silu, silu_bf16};
pub(crate) use tanh::tanh;

use crate::cpu::simd::Simd;

/// `c[0] + c[1] x + c[2] x² + …`, by Horner's rule.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::V, c: [f32; N]) -> S::V {
    let mut sum = s.splat(c[N - 1]);
    for &c in c[..N - 1].iter().rev() {
        sum = s.mul_add(sum, x, s.splat(c));
    }
    sum
}

#[cfg(test)]
mod tests;
