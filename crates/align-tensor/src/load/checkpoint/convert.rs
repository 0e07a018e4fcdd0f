//! Tensors of a converted checkpoint: rounded once, as they are when an original is loaded.

use std::path::Path;

use safetensors::tensor::{TensorView, serialize_to_file};

use super::{CheckpointError, Dtype, PRECISION_KEY, TensorValues, Weights};
use crate::number::quantize::quantize;
use crate::number::{Precision, bf16};

/// A tensor as a file will hold it.
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
    /// Values kept in full.
    pub fn f32(name: String, shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        Self { name, dtype: Dtype::F32, shape: shape.to_vec(), bytes }
    }

    /// Values rounded to bf16, as products in [`Precision::Bf16`] round them.
    ///
    /// # Panics
    /// Where there are no whole rows of the shape.
    pub fn bf16(name: String, shape: &[usize], values: &TensorValues<'_>) -> Self {
        let mut bytes = Vec::with_capacity(2 * values.len());
        for_each_row(shape, values, |row| {
            bytes.extend(row.iter().flat_map(|&x| bf16::round(x).to_le_bytes()));
        });
        Self { name, dtype: Dtype::BF16, shape: shape.to_vec(), bytes }
    }

    /// `weight [outputs, inputs]` of a linear layer for products of `precision`, as
    /// [`Linear`](crate::Linear) loads it: bf16, or integers and their scales.
    ///
    /// # Errors
    /// Where it is missing or has another shape or type.
    ///
    /// # Panics
    /// Where the precision has nothing to convert to.
    pub fn linear(
        precision: Precision,
        module: &Weights<'_>,
        shape: &[usize],
    ) -> Result<Vec<Self>, CheckpointError> {
        let values = module.values("weight", shape)?;
        let name = module.full_name("weight");
        let converted = match precision {
            Precision::Bf16 => vec![Self::bf16(name, shape, &values)],
            Precision::Int8 => {
                let (mut bytes, mut scales) = (Vec::with_capacity(values.len()), Vec::new());
                let mut integers = vec![0; shape[1..].iter().product()];
                for_each_row(shape, &values, |row| {
                    scales.push(quantize(row, &mut integers));
                    bytes.extend_from_slice(bytemuck::cast_slice(&integers));
                });
                let scales = Self::f32(module.full_name("weight_scale"), &shape[..1], &scales);
                vec![Self { name, dtype: Dtype::I8, shape: shape.to_vec(), bytes }, scales]
            }
            other => panic!("{other} has no weights of its own"),
        };
        module.release("weight");
        Ok(converted)
    }
}

/// Calls `f` with each row of `values`, widened.
fn for_each_row(shape: &[usize], values: &TensorValues<'_>, mut f: impl FnMut(&[f32])) {
    let len: usize = shape[1..].iter().product();
    assert_eq!(values.len(), shape[0] * len, "values of that shape");
    let mut row = vec![0.0; len];
    for index in 0..shape[0] {
        values.widen(index * len, &mut row);
        f(&row);
    }
}

/// Writes a safetensors file of `tensors` that says which precision it is for.
///
/// # Errors
/// Where it cannot be written.
pub fn write_converted(
    path: &Path,
    precision: Precision,
    tensors: &[ConvertedTensor],
) -> Result<(), CheckpointError> {
    let failed = |cause| CheckpointError::Write { file: path.to_path_buf(), cause };
    let views = tensors.iter().map(|tensor| {
        TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)
            .map(|view| (tensor.name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let metadata = [(PRECISION_KEY.to_owned(), precision.to_string())];
    serialize_to_file(views, Some(metadata.into()), path).map_err(failed)
}
