//! Reading checkpoints: safetensors files, alone or as the shards of an index.
//!
//! A file is untrusted. Opening it reads and checks the whole header; every
//! later read is then known to lie inside the file. What the format promises
//! and what is checked (<https://github.com/huggingface/safetensors#format>):
//!
//! | bytes | hold | checked |
//! |---|---|---|
//! | 0..8 | header length `n`, u64 little-endian | `n` is within its bound and within the file |
//! | 8..8+n | JSON: name -> dtype, shape, data offsets | UTF-8, JSON, no name twice, sizes without overflow |
//! | 8+n.. | the data, row-major, little-endian | tensors tile it: no overlap, no hole, none outside, no rest |
//!
//! [`Checkpoint`] opens and checks, [`TensorSource`] is what a model asks for
//! its tensors, [`Weights`] is a source seen from inside one of its modules.

mod convert;
mod entries;
mod error;
mod folder;
mod header;
mod index;
mod non_finite;
mod source;
mod storage;
mod tensor_file;

pub use convert::{ConvertedTensor, write_converted};
pub use error::CheckpointError;
pub use folder::{Checkpoint, PRECISION_KEY};
pub use header::TensorInfo;
pub use non_finite::NonFinite;
pub use safetensors::Dtype;
pub use source::{TensorSource, TensorValues, Weights};
pub use storage::ReadMode;
