//! Measurements of the machine, with which benchmarks compare kernels.

mod peak;
#[cfg(target_arch = "x86_64")]
mod tile_loop;

pub use peak::peak_flops;
#[cfg(target_arch = "x86_64")]
pub use tile_loop::{TileLayout, TileLoop};
