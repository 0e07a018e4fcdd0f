//! Reading checkpoints: safetensors files, alone or as the shards of an index.
//!
//! Files are untrusted. Opening a file reads and checks its whole header, so
//! every later read is inside the file. The parts of the
//! [format](https://github.com/huggingface/safetensors#format) and their
//! checks:
//!
//! | bytes | content | checks |
//! |---|---|---|
//! | 0..8 | header length `n`, u64 little-endian | `n` is within its bound and within the file |
//! | 8..8+n | JSON: name -> dtype, shape, data offsets | UTF-8, JSON, unique names, sizes without overflow |
//! | 8+n.. | the data, row-major, little-endian | the tensors tile it: no overlap, no hole, no rest |
//!
//! [`Checkpoint`] opens and checks files. A model reads its tensors through the
//! trait [`TensorSource`], and each module of a model through [`Weights`], which
//! adds the module's prefix to the names.

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
pub use source::{TensorSource, Weights};
pub use storage::ReadMode;
