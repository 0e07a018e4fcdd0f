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

mod drive;
mod epilogue;
mod fetch;
#[cfg(target_arch = "x86_64")]
mod fma512;
pub(crate) mod kernel;
pub(crate) mod left;
pub(crate) mod microkernel;
mod operands;
mod order;
mod pack;
mod part;
pub(crate) mod product;
mod scratch;

pub use drive::gemm;
pub(crate) use drive::gemm_here;
pub use epilogue::Epilogue;
pub(crate) use epilogue::{Affine, Target};
pub(crate) use fetch::Fetch;
pub(crate) use left::{GivenRows, Left};
pub use operands::{Inputs, Outputs, row_pitch};
pub use pack::{PackedMatrix, PackedView};
pub(crate) use pack::{PackedShape, quantize};

#[cfg(test)]
mod rounded_tests;
#[cfg(test)]
mod tests;
