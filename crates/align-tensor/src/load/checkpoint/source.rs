//! Sources of tensors, from which models load their weights.

use std::borrow::Cow;
use std::fmt;

use super::CheckpointError;
use crate::number::{NumbersCow, Precision};

/// Named tensors: a [`Checkpoint`](super::Checkpoint), or weights that are made
/// for a test or a benchmark.
pub trait TensorSource: Sync {
    /// The elements of a tensor as f32, row-major. The tensor must have this
    /// shape.
    ///
    /// F16 and BF16 are converted, which is exact. F32 is borrowed if possible.
    ///
    /// # Errors
    ///
    /// If the tensor is missing, has another shape, has a type that weights
    /// cannot have, or cannot be read.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [f32]>, CheckpointError>;

    /// The elements of a tensor in the format of the source, so that packing does not have to
    /// widen all of them at once.
    ///
    /// # Errors
    ///
    /// As [`tensor`](Self::tensor).
    fn values(&self, name: &str, shape: &[usize]) -> Result<NumbersCow<'_>, CheckpointError> {
        self.tensor(name, shape).map(NumbersCow::F32)
    }

    /// The elements of a tensor of 8-bit integers, which only converted checkpoints have. Their
    /// scales are a tensor of their own.
    ///
    /// # Errors
    ///
    /// If the tensor is missing, has another shape or type, or cannot be read.
    fn integers(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [i8]>, CheckpointError> {
        let _ = shape;
        Err(CheckpointError::MissingTensor { file: "this source".into(), tensor: name.to_owned() })
    }

    /// The precision to compute with: `wanted` if there is one, else the precision that the tensors
    /// were converted for, else f32.
    ///
    /// # Errors
    ///
    /// If the tensors cannot serve the precision wanted.
    fn precision(&self, wanted: Option<Precision>) -> Result<Precision, CheckpointError> {
        Ok(wanted.unwrap_or_default())
    }

    /// Whether there is a tensor of this name.
    fn contains(&self, name: &str) -> bool;

    /// Releases the memory of a tensor that has been packed or folded. The
    /// tensor can still be read: it is then loaded again.
    fn release(&self, name: &str) {
        let _ = name;
    }
}

/// The tensors of one module of a model: a [`TensorSource`] and the common
/// prefix of their names.
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

    /// The tensor of this name in the format of the source; see [`TensorSource::values`].
    ///
    /// # Errors
    ///
    /// As [`TensorSource::values`], naming the tensor in full.
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<NumbersCow<'a>, CheckpointError> {
        self.source.values(&self.full_name(name), shape)
    }

    /// The tensor of 8-bit integers of this name; see [`TensorSource::integers`].
    ///
    /// # Errors
    ///
    /// As [`TensorSource::integers`], naming the tensor in full.
    pub fn integers(&self, name: &str, shape: &[usize]) -> Result<Cow<'a, [i8]>, CheckpointError> {
        self.source.integers(&self.full_name(name), shape)
    }

    /// Whether this module has a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.source.contains(&self.full_name(name))
    }

    /// Releases a tensor's memory after use; see [`TensorSource::release`].
    pub fn release(&self, name: &str) {
        self.source.release(&self.full_name(name));
    }

    /// The name of a tensor of this module in the source.
    pub fn full_name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl fmt::Debug for Weights<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weights").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
