//! Errors of `.npy` files.

use std::io;
use std::path::PathBuf;

/// Why an `.npy` file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// The file cannot be read.
    #[error("{}: cannot read", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file does not begin with the magic bytes of the format.
    #[error("{}: not an .npy file: its first bytes are not \\x93NUMPY", file.display())]
    NotNpy {
        /// The file.
        file: PathBuf,
    },
    /// The version of the format is unknown.
    #[error("{}: expected version 1.0, 2.0 or 3.0, found {}.{}", file.display(), found.0, found.1)]
    Version {
        /// The file.
        file: PathBuf,
        /// The major and the minor version.
        found: (u8, u8),
    },
    /// The header is longer than the file, or longer than any valid header.
    #[error("{}: header of {found} bytes: expected at most {limit}", file.display())]
    HeaderLength {
        /// The file.
        file: PathBuf,
        /// The length found.
        found: u64,
        /// The largest length allowed.
        limit: u64,
    },
    /// A field of the header is missing or not valid.
    #[error("{}: header field `{field}`: expected {expected}, found {found}", file.display())]
    Header {
        /// The file.
        file: PathBuf,
        /// The field, or `header` for the header as a whole.
        field: &'static str,
        /// The value expected.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// The length of the file does not match its shape.
    #[error("{}: expected {expected} bytes for shape {shape:?}, found {found}", file.display())]
    Length {
        /// The file.
        file: PathBuf,
        /// The shape in the header.
        shape: Vec<usize>,
        /// The length of a file of that shape.
        expected: u64,
        /// The length of the file.
        found: u64,
    },
}
