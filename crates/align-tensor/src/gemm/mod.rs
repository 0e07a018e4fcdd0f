//! Matrix products with packed weights and a fused epilogue.
//!
//! `C[m, n] = act(A[m, k] * W[n, k]^T + bias[n]) + residual[m, n]`, row-major. The left-hand side (lhs) `A` holds
//! activations: NHWC pixels or tokens, so a row is contiguous. The right-hand side (rhs) `W` holds the weights as PyTorch
//! keeps them, a row for each output. Weights are packed once, when a model is loaded.
//!
//! # The loop nest
//!
//! The structure is that of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (ACM TOMS 34, 2008),
//! in the terms of BLIS (Van Zee and van de Geijn, ACM TOMS 41, 2015). Packing differs: `W` is packed at load, and most
//! rows of `A` are read in place.
//!
//! ```text
//! for each task: some row tiles of A times some panels of W        parallel       in parallel
//!     pack the task's rows of A, unless they are read in place      packing::lhs
//!     for each (panel of W, block of k), in the loop order:         macrokernel, loop_order
//!         widen or scale the panel, if its numbers need it          packing::panel
//!         for each tile of up to 14 rows:
//!             for each step of the block of k:                      microkernel
//!                 sums[rows, width] += A[rows, step] * panel[step, width]
//!             if this was the last block of k:
//!                 C[tile] = act(sums * scale + bias) + residual     epilogue
//! ```
//!
//! A *panel* holds the weights of two vectors' columns (32 outputs on AVX-512) for all of `k`, in the order in which they
//! are read. A *tile* is the product of up to 14 rows and a panel. Its sums stay in registers.
//!
//! # Modules
//!
//! - [`matrix`]: the operands in memory: rows of `A` and of `C`.
//! - [`row_pitch`](mod@row_pitch): the distance between rows that caches serve well.
//! - [`kernel`]: a precision and the unit that multiplies in it.
//! - [`packing`]: packed weights and their layout, packed rows of `A`, panels that are widened or scaled.
//! - [`microkernel`]: one tile.
//! - [`row_tiles`]: the cut of rows into tiles of equal height.
//! - [`loop_order`]: the order of panels and blocks of `k` within a task.
//! - [`macrokernel`]: all tiles of a task.
//! - [`epilogue`], [`destination`]: scale, bias, activation and residual of a finished tile, and where it is written.
//! - [`problem`]: one product whose sizes have been checked.
//! - [`parallel`]: the cut of a product into tasks.
//!
//! # Bits
//!
//! Every element is one chain of fused multiply-adds over `k`, cut into equal blocks of at most 512, whose sums are added
//! in order. The chain depends on `k` alone: the same row has the same bits in any batch, in any tile and on any number of
//! threads.

mod destination;
mod epilogue;
pub(crate) mod kernel;
mod loop_order;
mod macrokernel;
mod matrix;
pub(crate) mod microkernel;
pub(crate) mod packing;
mod parallel;
mod problem;
mod row_pitch;
pub(crate) mod row_tiles;

pub(crate) use destination::{Destination, SharedOutput};
pub use epilogue::Epilogue;
pub(crate) use epilogue::{ColumnTransform, OutputTile};
pub(crate) use matrix::LhsRows;
pub use matrix::{Lhs, Output};
pub use packing::descriptor::{DescriptorError, PackedDescriptor};
pub use packing::view::PackedWeightsView;
pub use packing::weights::PackedWeights;
pub use parallel::gemm;
pub(crate) use parallel::gemm_on_this_thread;
pub use row_pitch::row_pitch;

/// 32 bits of packed memory: an `f32`, two bf16 numbers, or four bytes, as the precision says.
pub(crate) type Word = u32;

#[cfg(test)]
mod rounded_tests;
#[cfg(test)]
mod tests;
