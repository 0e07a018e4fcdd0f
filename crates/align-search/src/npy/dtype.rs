//! The element types of stored embeddings.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The element type of embeddings in a file. Values are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Half precision: 2 bytes, 11 significant bits.
    F16,
    /// Single precision: 4 bytes.
    F32,
}

impl Dtype {
    /// All element types.
    pub const ALL: [Self; 2] = [Self::F16, Self::F32];

    /// The size of a value in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
        }
    }

    /// The name of the type in NumPy.
    pub(super) const fn descr(self) -> &'static str {
        match self {
            Self::F16 => "<f2",
            Self::F32 => "<f4",
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
        })
    }
}
