//! The kernels of align-rs and what they stand on.

#![deny(unsafe_op_in_unsafe_fn, missing_docs, clippy::undocumented_unsafe_blocks)]

mod checkpoint;
pub mod config;
mod isa;
mod simd;

pub use checkpoint::{
    Checkpoint, CheckpointError, Dtype, NonFinite, ReadMode, TensorInfo, TensorSource, Weights,
};
pub use isa::{ISA_VARIABLE, Isa, IsaError, IsaName};
