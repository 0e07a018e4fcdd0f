//! Elementary functions on vectors, generic over the instruction set.
//!
//! - [`exp`]: the exponential, which the others stand on.
//! - [`sigmoid`], [`silu`]: the logistic function, and `x` times it.
//! - [`tanh`]: the hyperbolic tangent.
//! - [`gelu`], [`gelu_tanh`]: `x` times the normal distribution function, and its `tanh` fit.
//!
//! Errors are stated in units in the last place (ULP) of the exact result. They are the largest
//! found over all `2^32` arguments; each file's tests hold them. The polynomial coefficients were
//! derived for this crate by a weighted Remez exchange, one after the other rounded to `f32` and
//! the rest fitted again.

mod exp;
mod gelu;
mod sigmoid;
mod tanh;

pub(crate) use exp::exp;
pub(crate) use gelu::{gelu, gelu_tanh};
pub(crate) use sigmoid::{sigmoid, silu};
pub(crate) use tanh::tanh;

use crate::simd::Simd;

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
