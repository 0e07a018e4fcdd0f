//! The kernels of align-rs and what they stand on.

#![deny(unsafe_op_in_unsafe_fn, missing_docs, clippy::undocumented_unsafe_blocks)]

mod activation;
mod aligned;
mod arena;
mod checkpoint;
pub mod config;
mod convolution;
mod gemm;
mod isa;
mod math;
mod precision;
mod runtime;
mod simd;
#[cfg(test)]
mod testing;
mod threads;

pub use activation::{Activation, activate};
pub use aligned::AlignedBuffer;
pub use arena::{Arena, ArenaSpace};
pub use checkpoint::{
    Checkpoint, CheckpointError, Dtype, NonFinite, ReadMode, TensorInfo, TensorSource, Weights,
};
pub use convolution::{DepthwiseGeometry, ExpandDepthwise, Expansion, Stem};
pub use gemm::{Epilogue, PackedMatrix, PackedView, gemm};
pub use isa::{ISA_VARIABLE, Isa, IsaError, IsaName};
pub use precision::{Precision, PrecisionError};
pub use runtime::Runtime;
pub use threads::{Team, Threads};
