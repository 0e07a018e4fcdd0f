//! The arithmetic of the matrix products.

use std::{fmt, str::FromStr};

/// How the matrix products of a forward are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// IEEE `f32` products and sums.
    #[default]
    F32,
}

impl Precision {
    /// The precisions that can be had on this machine.
    pub fn available() -> &'static [Self] {
        &[Self::F32]
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
        })
    }
}

/// A precision that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("precision {0:?} is not available: expected f32")]
pub struct PrecisionError(String);

impl FromStr for Precision {
    type Err = PrecisionError;

    fn from_str(name: &str) -> Result<Self, PrecisionError> {
        match name {
            "f32" => Ok(Self::F32),
            _ => Err(PrecisionError(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_are_refused() {
        assert_eq!(Precision::F32.to_string().parse(), Ok(Precision::F32));
        let error = "bf16".parse::<Precision>().unwrap_err();
        assert_eq!(error.to_string(), "precision \"bf16\" is not available: expected f32");
    }
}
