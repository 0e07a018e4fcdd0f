//! Loading of checkpoints and configurations. Files are untrusted until they are checked.

pub(crate) mod checkpoint;
pub mod config;
mod mapped_file;

pub use mapped_file::MappedFile;
