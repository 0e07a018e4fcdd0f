//! The kernels of align-rs and what they stand on.

#![deny(unsafe_op_in_unsafe_fn, missing_docs, clippy::undocumented_unsafe_blocks)]

mod checkpoint;
mod aligned;
mod arena;
pub mod config;
//mod gemm;
mod isa;
mod precision;
mod runtime;
mod simd;
mod threads;
mod activation;
mod math;

pub use checkpoint::{
    Checkpoint, CheckpointError, Dtype, NonFinite, ReadMode, TensorInfo, TensorSource, Weights,
};
pub use aligned::AlignedBuffer;
pub use arena::{Arena, ArenaSpace};
//pub use gemm::{Epilogue, PackedMatrix, gemm};
pub use isa::{ISA_VARIABLE, Isa, IsaError, IsaName};
pub use precision::{Precision, PrecisionError};
pub use runtime::Runtime;
pub use threads::{Team, Threads};
pub use activation::{Activation, activate};
