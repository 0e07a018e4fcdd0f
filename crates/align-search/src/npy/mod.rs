//! `.npy` files of NumPy. Version 1.0 is written, and all versions are read.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | `\x93NUMPY`, major and minor version |
//! | 8..10 (from version 2.0 on 8..12) | length of the header, little-endian |
//! | then | the header: a Python dict of element type, order and shape, then spaces and a line feed up to a multiple of 64 |
//! | then | the elements |
//!
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

mod dtype;
mod error;
mod header;
mod read;
mod write;

pub use dtype::Dtype;
pub use error::NpyError;
pub use read::NpyFile;
pub use write::{write, write_header};
