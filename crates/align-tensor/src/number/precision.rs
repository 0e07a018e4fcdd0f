//! The arithmetic of the matrix products.

use crate::number::format::NumberFormat;
use std::fmt;
use std::str::FromStr;

/// How the matrix products of a forward are computed.
///
/// Sums are `f32` in every precision. So is all other arithmetic: depthwise convolutions, the
/// products inside attention, squeeze-excite, the stem, norms, softmax and activations. Every
/// precision is available on every machine: the same arithmetic is emulated if the CPU has no
/// instructions for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// IEEE `f32` products and sums.
    #[default]
    F32,
    /// Weights and activations as sums of two bf16 numbers, `high + low`, and three products for
    /// each product: `high * high + high * low + low * high`. The error is at most `3 * 2^-16` of a
    /// product and about `2^-18` of it on average. It comes from `low * low`, which is left out, and
    /// from the bits that two parts cannot hold.
    Bf16x3,
    /// Weights and activations rounded to bf16, each with an error of at most `2^-8`; products are
    /// exact. In the image tower, SiLU has an error of at most `2^-12` and the outputs of depthwise
    /// convolutions are stored in bf16.
    Bf16,
    /// The text tower's weights as integers of -127 to 127 with a scale for each output.
    /// Activations and all other weights are as in [`Bf16`](Self::Bf16).
    Int8,
}

impl Precision {
    /// Every precision, from the most exact one down.
    pub const ALL: [Self; 4] = [Self::F32, Self::Bf16x3, Self::Bf16, Self::Int8];

    /// The precisions that are available on this machine: all of them.
    pub fn available() -> &'static [Self] {
        &Self::ALL
    }

    /// This precision for layers whose weights are not stored as integers.
    #[must_use]
    pub fn without_int8(self) -> Self {
        if self == Self::Int8 { Self::Bf16 } else { self }
    }

    /// The format of activations that only a product of this precision reads, and of embedding tables.
    pub fn value_format(self) -> NumberFormat {
        match self {
            Self::F32 | Self::Bf16x3 => NumberFormat::F32,
            Self::Bf16 | Self::Int8 => NumberFormat::Bf16,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16x3 => "bf16x3",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

/// An unknown name of a precision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("precision {0:?} is not available: expected f32, bf16x3, bf16 or int8")]
pub struct PrecisionError(String);

impl FromStr for Precision {
    type Err = PrecisionError;

    fn from_str(name: &str) -> Result<Self, PrecisionError> {
        Self::ALL
            .into_iter()
            .find(|precision| precision.to_string() == name)
            .ok_or_else(|| PrecisionError(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_are_refused() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        let error = "fp8".parse::<Precision>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "precision \"fp8\" is not available: expected f32, bf16x3, bf16 or int8"
        );
    }
}
