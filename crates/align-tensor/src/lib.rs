//! The kernels of align-rs and what they stand on.

#![deny(unsafe_op_in_unsafe_fn, missing_docs, clippy::undocumented_unsafe_blocks)]

mod cpu;
mod forward;
mod gemm;
mod layers;
mod load;
mod math;
mod measure;
mod memory;
mod number;
mod scan;
#[cfg(test)]
mod testing;
mod threads;

pub use cpu::{ISA_VARIABLE, Isa, IsaError, IsaName};
pub use forward::{Forward, Profile, Runtime, Step, StepGuard};
pub use gemm::{
    DescriptorError, Epilogue, Lhs, Output, PackedDescriptor, PackedWeights, PackedWeightsView,
    gemm, row_pitch,
};
/// Elements of [`Numbers`].
pub use half::{bf16, f16};
pub use layers::convolution::{DepthwiseGeometry, ExpandDepthwise, Expansion, Stem};
pub use layers::{
    Attention, EmbeddingTable, Heads, Linear, Sequence, attention, layer_norm, max_pool, mean_pool,
    scale_channels, softmax_rows,
};
pub use load::checkpoint::{
    Checkpoint, CheckpointError, ConvertedTensor, Dtype, NonFinite, PRECISION_KEY, ReadMode,
    TensorInfo, TensorSource, Weights, write_converted,
};
pub use load::{MappedFile, config};
pub use math::activation::{Activation, activate};
pub use measure::peak_flops;
#[cfg(target_arch = "x86_64")]
pub use measure::{TileLayout, TileLoop};
pub use memory::{AlignedBuffer, Arena, ArenaSize, ArenaSpace, KeptArena};
pub use number::{
    Element, NumberFormat, Numbers, NumbersCow, NumbersMut, Precision, PrecisionError,
};
pub use scan::ScanQueries;
pub use threads::{Team, Threads};
