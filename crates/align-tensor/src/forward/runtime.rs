//! Instruction set, threads and precision of a tower.

use crate::cpu::{Isa, IsaError};
use crate::load::checkpoint::{CheckpointError, TensorSource};
use crate::number::Precision;
use crate::threads::Threads;

/// Instruction set, threads and precision of a tower.
///
/// A runtime is cheap to clone. Towers that are built with clones of one runtime share its threads.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Runtime {
    /// The instruction set of the kernels.
    pub isa: Isa,
    /// The threads that share a forward's work.
    pub threads: Threads,
    /// The requested arithmetic of the matrix products. `None` leaves the choice to the checkpoint:
    /// the precision that it was converted for, else `f32`.
    pub requested_precision: Option<Precision>,
}

impl Runtime {
    /// The best instruction set, a thread for each core that the process may use, and the
    /// checkpoint's precision. `ALIGN_ISA` selects another instruction set.
    ///
    /// # Errors
    /// If `ALIGN_ISA` names an instruction set that is unknown or not available.
    pub fn new() -> Result<Self, IsaError> {
        let isa = Isa::from_env()?;
        Ok(Self { isa, threads: Threads::available(), requested_precision: None })
    }

    /// The precision to compute with: the requested one, or `f32` if none was requested.
    pub fn precision(&self) -> Precision {
        self.requested_precision.unwrap_or_default()
    }

    /// The same runtime with the precision that is used for these tensors.
    ///
    /// # Errors
    /// If the tensors cannot be used with the requested precision.
    pub fn for_source(&self, source: &dyn TensorSource) -> Result<Self, CheckpointError> {
        let precision = source.precision(self.requested_precision)?;
        Ok(self.clone().with_precision(precision))
    }

    /// Sets the precision.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { requested_precision: Some(precision), ..self }
    }

    /// Sets the threads.
    #[must_use]
    pub fn with_threads(self, threads: Threads) -> Self {
        Self { threads, ..self }
    }

    /// Sets the instruction set.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Self {
        Self { isa, ..self }
    }
}
