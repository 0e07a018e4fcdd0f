//! The kernels of align-rs and what they stand on.

#![deny(unsafe_op_in_unsafe_fn, missing_docs, clippy::undocumented_unsafe_blocks)]

mod activation;
mod aligned;
#[cfg(target_arch = "x86_64")]
mod amx;
mod arena;
mod attention;
mod bf16;
mod checkpoint;
pub mod config;
mod convolution;
mod elements;
mod gemm;
mod isa;
mod layer_norm;
mod linear;
mod mapped_file;
mod math;
mod peak;
mod pool;
mod precision;
mod profile;
mod runtime;
mod scale;
mod scan;
mod simd;
mod sizes;
mod softmax;
mod table;
#[cfg(test)]
mod testing;
mod threads;
#[cfg(test)]
mod ulp;
mod values;

pub use activation::{Activation, activate};
pub use aligned::AlignedBuffer;
#[cfg(target_arch = "x86_64")]
pub use amx::tile_loop::{TileLayout, TileLoop};
pub use arena::{Arena, ArenaSpace, KeptArena};
pub use attention::{Heads, Sequence, attention};
pub use checkpoint::{
    Checkpoint, CheckpointError, ConvertedTensor, Dtype, NonFinite, PRECISION_KEY, ReadMode,
    TensorInfo, TensorSource, TensorValues, Weights, write_converted,
};
pub use convolution::{DepthwiseGeometry, ExpandDepthwise, Expansion, Stem};
pub use elements::Element;
pub use gemm::{Epilogue, Inputs, Outputs, PackedMatrix, PackedView, gemm, row_pitch};
pub use isa::{ISA_VARIABLE, Isa, IsaError, IsaName};
pub use layer_norm::layer_norm;
pub use linear::Linear;
pub use mapped_file::MappedFile;
pub use peak::peak_flops;
pub use pool::{max_pool, mean_pool};
pub use precision::{Precision, PrecisionError};
pub use profile::{Profile, Step};
pub use runtime::Runtime;
pub use scale::scale_channels;
pub use scan::{Rows, ScanQueries};
pub use softmax::softmax_rows;
pub use table::Table;
pub use threads::{Team, Threads};
pub use values::{ValueFormat, Values, ValuesMut};
