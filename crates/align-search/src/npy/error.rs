//! What can be wrong with an `.npy` file.

use std::io;
use std::path::PathBuf;

/// Why an `.npy` file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// The system could not read the file.
    #[error("{}: cannot read", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file does not begin as it must.
    #[error("{}: not an .npy file: its first bytes are not \\x93NUMPY", file.display())]
    NotNpy {
        /// The file.
        file: PathBuf,
    },
    /// The version is none that is known.
    #[error("{}: expected version 1.0, 2.0 or 3.0, found {}.{}", file.display(), found.0, found.1)]
    Version {
        /// The file.
        file: PathBuf,
        /// Major and minor.
        found: (u8, u8),
    },
    /// The header is longer than the file or than any header needs to be.
    #[error("{}: header of {found} bytes: expected at most {limit}", file.display())]
    HeaderLength {
        /// The file.
        file: PathBuf,
        /// The length found.
        found: u64,
        /// The most that there may be.
        limit: u64,
    },
    /// The header does not say what it must.
    #[error("{}: header field `{field}`: expected {expected}, found {found}", file.display())]
    Header {
        /// The file.
        file: PathBuf,
        /// The field, or `header`.
        field: &'static str,
        /// What may stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// The file has been cut short, or something has been added.
    #[error("{}: expected {expected} bytes for shape {shape:?}, found {found}", file.display())]
    Length {
        /// The file.
        file: PathBuf,
        /// The shape in the header.
        shape: Vec<usize>,
        /// The length that it asks for.
        expected: u64,
        /// The file's length.
        found: u64,
    },
}
