//! Matrix products with packed weights and fused epilogues.
//!
//! `C[m, n] = act(A[m, k] * W[n, k]^T + bias[n]) + residual[m, n]`, all `f32`, row-major; `A` are
//! activations (NHWC pixels or tokens, so a row is contiguous), `W` the weights as PyTorch keeps
//! them (a row for each output), packed once at load for the precision of their products.
//!
//! - [`kernel`]: precisions and the instructions that multiply.
//! - [`pack`]: the layout of packed weights: panels of two vectors' columns.
//! - [`operands`]: rows of `A` and of `C` in memory.
//! - [`left`]: rows of `A`, rounded where the precision asks for it.
//! - [`product`]: how one step along `k` multiplies.
//! - [`microkernel`]: a tile of up to 14 rows by one panel, in registers.
//! - `fma512`: the same in assembly, for `f32` on AVX-512.
//! - [`epilogue`]: scales, bias, activation and residual on a finished tile.
//! - [`fetch`]: what a tile fetches from memory meanwhile.
//! - [`drive`]: which thread does which tiles.
//! - [`order`]: in which order it does them.
//! - [`part`]: what it does with them.
//! - [`scratch`]: where a thread keeps rounded rows and widened panels.
//!
//! Every element is one chain of fused multiply-adds over `k`, cut into equal blocks of at most 512,
//! whose sums are added in order. The chain depends on `k` alone: the same row gives the same bits
//! in any batch, in any tile and on any number of threads.

mod destination;
mod epilogue;
pub(crate) mod kernel;
mod loop_order;
mod macrokernel;
mod matrix;
pub(crate) mod microkernel;
pub(crate) mod packing;
mod parallel;
pub(crate) mod row_tiles;

pub(crate) use destination::{Destination, SharedValues};
pub use epilogue::Epilogue;
pub(crate) use epilogue::{Affine, Target};
pub use matrix::{Inputs, Outputs, row_pitch};
pub use packing::weights::{PackedMatrix, PackedView};
pub use parallel::gemm;
pub(crate) use parallel::gemm_here;

#[cfg(test)]
mod rounded_tests;
#[cfg(test)]
mod tests;
