//! What a tower computes with: instruction set, threads and precision.

use crate::cpu::{Isa, IsaError};
use crate::load::checkpoint::{CheckpointError, TensorSource};
use crate::number::Precision;
use crate::threads::Threads;

/// What a tower computes with. Cheap to clone; towers built with clones of one runtime share its
/// threads.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// The instruction set of the kernels.
    pub isa: Isa,
    /// The threads that share a forward's work.
    pub threads: Threads,
    /// The arithmetic of the matrix products; none leaves it to the checkpoint: what it was
    /// converted for, else `f32`.
    pub precision: Option<Precision>,
}

impl Runtime {
    /// The best instruction set (or the one that `ALIGN_ISA` names), a thread for each core that
    /// the process may use, and the checkpoint's precision.
    ///
    /// # Errors
    /// Where `ALIGN_ISA` names an instruction set that is unknown or not available.
    pub fn new() -> Result<Self, IsaError> {
        let isa = Isa::from_env()?;
        Ok(Self { isa, threads: Threads::available(), precision: None })
    }

    /// The precision, where nothing else has been decided `f32`.
    pub fn precision(&self) -> Precision {
        self.precision.unwrap_or_default()
    }

    /// The same with the precision decided for these tensors.
    ///
    /// # Errors
    /// Where the tensors cannot serve the precision.
    pub fn for_source(&self, source: &dyn TensorSource) -> Result<Self, CheckpointError> {
        let precision = Some(source.precision(self.precision)?);
        Ok(Self { precision, ..self.clone() })
    }

    /// The same with another precision.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision: Some(precision), ..self }
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
