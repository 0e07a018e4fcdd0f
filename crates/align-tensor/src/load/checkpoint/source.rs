//! What models ask for their tensors.

use std::borrow::Cow;
use std::fmt;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::CheckpointError;
use crate::number::Precision;

/// The elements of a tensor in the type in which its source has them.
#[derive(Clone, Debug)]
pub enum TensorValues<'a> {
    /// 32 bits.
    F32(Cow<'a, [f32]>),
    /// 16 bits, IEEE.
    F16(Cow<'a, [f16]>),
    /// 16 bits, the upper half of an `f32`.
    Bf16(Cow<'a, [bf16]>),
}

impl<'a> TensorValues<'a> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
            Self::Bf16(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the elements from `start` on to `to`, as f32, which is exact.
    ///
    /// # Panics
    /// Where there are fewer.
    pub fn widen(&self, start: usize, to: &mut [f32]) {
        let range = start..start + to.len();
        match self {
            Self::F32(values) => to.copy_from_slice(&values[range]),
            Self::F16(values) => values[range].convert_to_f32_slice(to),
            Self::Bf16(values) => values[range].convert_to_f32_slice(to),
        }
    }

    /// All elements as f32; borrowed where they are.
    pub fn into_f32(self) -> Cow<'a, [f32]> {
        match self {
            Self::F32(values) => values,
            halves => {
                let mut values = vec![0.0; halves.len()];
                halves.widen(0, &mut values);
                values.into()
            }
        }
    }
}

impl From<Vec<f32>> for TensorValues<'_> {
    fn from(values: Vec<f32>) -> Self {
        Self::F32(values.into())
    }
}

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

    /// The elements of a tensor in the type in which the source has them, so that packing need
    /// not widen them as a whole.
    ///
    /// # Errors
    ///
    /// As [`tensor`](Self::tensor).
    fn values(&self, name: &str, shape: &[usize]) -> Result<TensorValues<'_>, CheckpointError> {
        self.tensor(name, shape).map(TensorValues::F32)
    }

    /// The elements of a tensor of 8-bit integers; only converted checkpoints have such.
    ///
    /// # Errors
    ///
    /// If the tensor is missing, has another shape or type, or cannot be read.
    fn integers(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [i8]>, CheckpointError> {
        let _ = shape;
        Err(CheckpointError::MissingTensor { file: "this source".into(), tensor: name.to_owned() })
    }

    /// The precision to compute with where `wanted` was asked for: that, or what the tensors were
    /// converted for, or f32.
    ///
    /// # Errors
    ///
    /// If the tensors cannot serve the precision wanted.
    fn precision(&self, wanted: Option<Precision>) -> Result<Precision, CheckpointError> {
        Ok(wanted.unwrap_or_default())
    }

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

    /// The tensor of this name in the source's own type; see [`TensorSource::values`].
    ///
    /// # Errors
    ///
    /// As [`TensorSource::values`], naming the tensor in full.
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<TensorValues<'a>, CheckpointError> {
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
