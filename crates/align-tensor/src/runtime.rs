//! What a tower computes with: instruction set, threads and precision.

use crate::{Isa, IsaError, Precision, Threads};

/// What a tower computes with. Cheap to clone; towers built with clones of one runtime share its
/// threads.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// The instruction set of the kernels.
    pub isa: Isa,
    /// The threads that share a forward's work.
    pub threads: Threads,
    /// The arithmetic of the matrix products.
    pub precision: Precision,
}

impl Runtime {
    /// The best instruction set (or the one that `ALIGN_ISA` names), a thread for each core that
    /// the process may use, and `f32`.
    ///
    /// # Errors
    /// Where `ALIGN_ISA` names an instruction set that is unknown or not available.
    pub fn new() -> Result<Self, IsaError> {
        let isa = Isa::from_env()?;
        Ok(Self { isa, threads: Threads::available(), precision: Precision::F32 })
    }

    /// The same with other threads.
    pub fn with_threads(self, threads: Threads) -> Self {
        Self { threads, ..self }
    }

    /// The same with another instruction set.
    pub fn with_isa(self, isa: Isa) -> Self {
        Self { isa, ..self }
    }
}
