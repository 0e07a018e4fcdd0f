//! The activations in `f64`, with which the kernels are compared.

use super::Activation;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

impl Activation {
    /// The function of `x` in `f64`, with a relative error of about 1e-13.
    pub fn reference(self, x: f64) -> f64 {
        match self {
            Self::Identity => x,
            Self::Gelu => x * erfc(-x * FRAC_1_SQRT_2) / 2.0,
            Self::GeluTanh => x * logistic((8.0 / PI).sqrt() * (x + 0.044715 * x * x * x)),
            // clamp keeps NaN; max would not.
            Self::Relu => x.clamp(0.0, f64::INFINITY),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::Silu | Self::SiluBf16 => x * logistic(x),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => logistic(x),
        }
    }
}

/// `1 / (1 + e^-x)`.
fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The complementary error function `1 - erf(x)`, without cancellation for large `x`.
fn erfc(x: f64) -> f64 {
    if x < 2.0 { 1.0 - erf_series(x) } else { erfc_fraction(x) }
}

/// `erf(x) = 2/√π e^-x² Σ 2^n x^(2n+1) / (1·3·5·…·(2n+1))`, all terms of one sign
/// (Abramowitz and Stegun, 7.1.6).
fn erf_series(x: f64) -> f64 {
    if x < -6.0 {
        return -1.0; // to the last bit
    }
    let mut term = x;
    let mut sum = x;
    let mut odd = 1.0;
    while term.abs() > 1e-17 * sum.abs() {
        odd += 2.0;
        term *= 2.0 * x * x / odd;
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// `erfc(x) = e^-x² / √π / (x + (1/2)/(x + 1/(x + (3/2)/(x + 2/(x + …)))))` for `x >= 2`
/// (Abramowitz and Stegun, 7.1.14).
fn erfc_fraction(x: f64) -> f64 {
    /// Enough for 15 digits at 2, where it converges the slowest.
    const TERMS: u32 = 60;
    let fraction = (1..=TERMS).rev().fold(x, |rest, k| x + f64::from(k) / 2.0 / rest);
    (-x * x).exp() * FRAC_2_SQRT_PI / 2.0 / fraction
}
