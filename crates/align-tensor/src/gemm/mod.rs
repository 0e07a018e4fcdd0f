//! Matrix products with packed weights and fused epilogues.
//!
//! `C[m, n] = act(A[m, k] * W[n, k]^T + bias[n]) + residual[m, n]`, all `f32`, row-major; `A` are
//! activations (NHWC pixels or tokens, so a row is contiguous), `W` the weights as PyTorch keeps
//! them (a row for each output), packed once at load.
//!
//! - [`pack`]: the layout of packed weights: panels of two vectors' columns.
//! - [`microkernel`]: a tile of up to 14 rows by one panel, in registers.
//! - [`epilogue`]: bias, activation and residual on a finished tile.
//! - [`drive`]: which thread does which tiles.
//!
//! Every element is one chain of fused multiply-adds over `k`, cut into the blocks of
//! [`microkernel::k_blocks`], whose sums are added in order. The chain depends on `k` alone: the
//! same row gives the same bits in any batch, in any tile and on any number of threads.

mod drive;
mod epilogue;
pub(crate) mod microkernel;
mod pack;

pub use drive::gemm;
pub(crate) use drive::gemm_here;
pub use epilogue::Epilogue;
pub(crate) use epilogue::finish_row;
pub use pack::{PackedMatrix, PackedView};
pub(crate) use pack::{PackedShape, max_rows};

#[cfg(test)]
mod tests;
