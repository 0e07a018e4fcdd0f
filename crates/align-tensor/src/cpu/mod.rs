//! The CPU: instruction sets that were detected, vectors, multiplication units and prefetches.

#[cfg(target_arch = "x86_64")]
pub(crate) mod amx;
mod isa;
pub(crate) mod prefetch;
pub(crate) mod simd;
pub(crate) mod unit;

pub use isa::{ISA_VARIABLE, Isa, IsaError, IsaName};
