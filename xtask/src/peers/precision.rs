//! The arithmetic that engines are asked for, and how far from the truth it may lead them.

use std::fmt;

use clap::ValueEnum;

/// Roundings on the way through align-base's image tower, the longer one: both operands of the five convolutions of
/// each of its 55 blocks, and the scaled map.
const ROUNDINGS: f64 = 11.0 * 55.0;

/// How an engine's products are computed.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum Precision {
    F32,
    Bf16x3,
    Bf16,
    Int8,
}

impl Precision {
    /// The farthest that an embedding of unit length may be from the true one; for what is no mistake, not for what is
    /// good.
    ///
    /// To first order relative errors add up along the way, and as a random walk: twice the root of the number of
    /// [`ROUNDINGS`] times the root mean square of one, for numbers whose logarithms are spread evenly `r = 2^-8 sqrt(1
    /// / (8 ln 2))` in bf16 and `sqrt(3/2) r^2` in two parts of it. Integers of 8 bits are off by three times as much as
    /// bf16. In f32 it is the error of sums that counts: goldens ask of the oracle's an error below `1e-5` of the
    /// largest value.
    pub(super) fn bound(self) -> f64 {
        let r = 2f64.powi(-8) * (1.0 / (8.0 * std::f64::consts::LN_2)).sqrt();
        let walk = 2.0 * ROUNDINGS.sqrt();
        match self {
            Self::F32 => 1e-4,
            Self::Bf16x3 => walk * 1.5f64.sqrt() * r * r,
            Self::Bf16 => walk * r,
            Self::Int8 => walk * 3.0 * r,
        }
    }
}

/// Its name on command lines.
impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("no variant is skipped").get_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for precision in Precision::value_variants() {
            assert_eq!(Precision::from_str(&precision.to_string(), false), Ok(*precision));
        }
    }

    #[test]
    fn bounds_follow_the_precision() {
        assert!((Precision::Bf16.bound() - 0.0816).abs() < 1e-4);
        assert!((Precision::Bf16x3.bound() - 1.66e-4).abs() < 1e-6);
        assert_eq!(Precision::Int8.bound(), 3.0 * Precision::Bf16.bound());
    }
}
