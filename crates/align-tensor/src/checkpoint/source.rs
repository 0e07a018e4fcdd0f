//! What models ask for their tensors.

use std::borrow::Cow;
use std::fmt;

use super::CheckpointError;

/// Named tensors: a [`Checkpoint`](super::Checkpoint), or weights made up for
/// a test or a benchmark.
pub trait TensorSource: Sync {
    /// The elements of a tensor as f32, row-major; `shape` is the shape that
    /// it must have.
    ///
    /// F16 and BF16 are converted, which is exact. F32 is borrowed where it
    /// can be.
    ///
    /// # Errors
    ///
    /// If the tensor is missing, has another shape, is of a type that weights
    /// cannot have, or cannot be read.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [f32]>, CheckpointError>;

    /// Whether there is a tensor of this name.
    fn contains(&self, name: &str) -> bool;

    /// Says that a tensor has been used (packed, folded) and its memory may be
    /// given back. It can still be asked for again: that only reads it anew.
    fn release(&self, name: &str) {
        let _ = name;
    }
}

/// The tensors of one module of a model: a [`TensorSource`] and the prefix
/// that their names share.
///
/// ```
/// # use std::borrow::Cow;
/// # use align_tensor::{CheckpointError, TensorSource, Weights};
/// # struct Ones;
/// # impl TensorSource for Ones {
/// #     fn tensor(&self, _: &str, shape: &[usize]) -> Result<Cow<'_, [f32]>, CheckpointError> {
/// #         Ok(vec![1.0; shape.iter().product()].into())
/// #     }
/// #     fn contains(&self, name: &str) -> bool { name == "encoder.layer.3.weight" }
/// # }
/// # let source = Ones;
/// let layer = Weights::new(&source).sub("encoder.layer").sub(3);
/// assert!(layer.contains("weight")); // encoder.layer.3.weight
/// assert_eq!(layer.tensor("weight", &[2, 2])?.len(), 4);
/// # Ok::<(), CheckpointError>(())
/// ```
#[derive(Clone)]
pub struct Weights<'a> {
    source: &'a dyn TensorSource,
    /// Empty, or ending in a dot.
    prefix: String,
}

impl<'a> Weights<'a> {
    /// All tensors of a source, by their full names.
    pub fn new(source: &'a dyn TensorSource) -> Self {
        Self { source, prefix: String::new() }
    }

    /// The tensors of a module inside this one: a name, or the number of a
    /// module in a list.
    pub fn sub(&self, module: impl fmt::Display) -> Self {
        Self { source: self.source, prefix: format!("{}{module}.", self.prefix) }
    }

    /// The tensor of this name in this module; see [`TensorSource::tensor`].
    ///
    /// # Errors
    ///
    /// As [`TensorSource::tensor`], naming the tensor in full.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Cow<'a, [f32]>, CheckpointError> {
        self.source.tensor(&self.full_name(name), shape)
    }

    /// Whether this module has a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.source.contains(&self.full_name(name))
    }

    /// Gives a tensor's memory back after use; see [`TensorSource::release`].
    pub fn release(&self, name: &str) {
        self.source.release(&self.full_name(name));
    }

    /// The name by which the source knows a tensor of this module.
    pub fn full_name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl fmt::Debug for Weights<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weights").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
