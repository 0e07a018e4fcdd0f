//! Tensors of a converted checkpoint, rounded once as loading an original checkpoint would round them.

use std::path::Path;

use safetensors::tensor::{TensorView, serialize_to_file};

use super::{CheckpointError, Dtype, PRECISION_KEY, Weights};
use crate::number::quantize::quantize;
use crate::number::{NumberFormat, Numbers, Precision};

/// A tensor as it is stored in a file.
#[derive(Clone, Debug)]
pub struct ConvertedTensor {
    /// Its full name.
    pub name: String,
    /// The type of its elements.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements, row-major, little-endian.
    pub bytes: Vec<u8>,
}

impl ConvertedTensor {
    /// A tensor of `f32`, not rounded.
    pub fn from_f32(name: String, shape: &[usize], values: &[f32]) -> Self {
        let bytes = Numbers::F32(values).to_le_bytes().into_owned();
        Self { name, dtype: Dtype::F32, shape: shape.to_vec(), bytes }
    }

    /// A tensor of `values` rounded to bf16, as products in [`Precision::Bf16`] round them.
    ///
    /// # Panics
    /// If `values` do not have the shape.
    pub fn from_rounded(name: String, shape: &[usize], values: Numbers<'_>) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "values of shape {shape:?}");
        let bytes = values.rounded(NumberFormat::Bf16).as_numbers().to_le_bytes().into_owned();
        Self { name, dtype: Dtype::BF16, shape: shape.to_vec(), bytes }
    }

    /// The tensors from which [`Linear`](crate::Linear) loads the `weight [outputs, inputs]` of `module` for products
    /// of `precision`: bf16 numbers, or integers and `weight_scale [outputs]`.
    ///
    /// # Errors
    /// If the weight is missing or has another shape or type.
    ///
    /// # Panics
    /// If the precision has no weights of its own.
    pub fn from_linear(
        precision: Precision,
        module: &Weights<'_>,
        shape: &[usize],
    ) -> Result<Vec<Self>, CheckpointError> {
        let values = module.values("weight", shape)?;
        let values = values.as_numbers();
        let name = module.full_name("weight");
        let converted = match precision {
            Precision::Bf16 => vec![Self::from_rounded(name, shape, values)],
            Precision::Int8 => {
                let (mut bytes, mut scales) = (Vec::with_capacity(values.len()), Vec::new());
                let mut integers = vec![0; shape[1..].iter().product()];
                for_each_row(shape, values, |row| {
                    scales.push(quantize(row, &mut integers));
                    bytes.extend_from_slice(&Numbers::I8(&integers).to_le_bytes());
                });
                let scales = Self::from_f32(module.full_name("weight_scale"), &shape[..1], &scales);
                vec![Self { name, dtype: Dtype::I8, shape: shape.to_vec(), bytes }, scales]
            }
            other => panic!("{other} has no weights of its own"),
        };
        module.release("weight");
        Ok(converted)
    }
}

/// Calls `f` with each row of `values`, widened.
fn for_each_row(shape: &[usize], values: Numbers<'_>, mut f: impl FnMut(&[f32])) {
    let len: usize = shape[1..].iter().product();
    assert_eq!(values.len(), shape[0] * len, "values of that shape");
    let mut row = vec![0.0; len];
    for index in 0..shape[0] {
        values.slice(index * len..(index + 1) * len).widen(&mut row);
        f(&row);
    }
}

/// Writes a safetensors file of `tensors`, with the precision in its metadata.
///
/// # Errors
/// If it cannot be written.
pub fn write_converted(
    path: &Path,
    precision: Precision,
    tensors: &[ConvertedTensor],
) -> Result<(), CheckpointError> {
    let failed = |source| CheckpointError::Write { file: path.to_path_buf(), source };
    let views = tensors.iter().map(|tensor| {
        TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)
            .map(|view| (tensor.name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let metadata = [(PRECISION_KEY.to_owned(), precision.to_string())];
    serialize_to_file(views, Some(metadata.into()), path).map_err(failed)
}
