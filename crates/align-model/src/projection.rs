//! The linear layer from the text tower to the embedding space.

use align_tensor::{CheckpointError, Epilogue, PackedMatrix, Runtime, Threads, Weights, gemm};
use ndarray::{Array2, ArrayView2};

/// `y [n, out] = x [n, in] W^T + b`, with `weight [out, in]` and `bias [out]`.
pub(crate) struct Projection {
    weight: PackedMatrix,
    bias: Vec<f32>,
    threads: Threads,
}

impl Projection {
    /// Loads `weight` and `bias`.
    pub(crate) fn load(
        weights: &Weights<'_>,
        inputs: usize,
        outputs: usize,
        runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        let weight = weights.tensor("weight", &[outputs, inputs])?;
        let weight = PackedMatrix::pack(runtime.isa, &weight, outputs, inputs);
        weights.release("weight");
        let bias = weights.tensor("bias", &[outputs])?.into_owned();
        Ok(Self { weight, bias, threads: runtime.threads.clone() })
    }

    pub(crate) fn forward(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
        product(&self.threads, x, &self.weight, Epilogue::default().bias(&self.bias))
    }
}

/// The cosines of all pairs: `a [m, k] b^T` for rows of unit length `a` and `b [n, k]`.
pub(crate) fn cosines(
    runtime: &Runtime,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
) -> Array2<f32> {
    let (n, k) = b.dim();
    let b = b.as_standard_layout();
    let b = b.as_slice().expect("standard layout is contiguous");
    let packed = PackedMatrix::pack(runtime.isa, b, n, k);
    product(&runtime.threads, a, &packed, Epilogue::default())
}

fn product(
    threads: &Threads,
    a: ArrayView2<'_, f32>,
    weights: &PackedMatrix,
    epilogue: Epilogue<'_>,
) -> Array2<f32> {
    let mut c = Array2::zeros((a.nrows(), weights.n()));
    let a = a.as_standard_layout();
    let a = a.as_slice().expect("standard layout is contiguous");
    let out = c.as_slice_mut().expect("a new array is contiguous");
    threads.gather(|team| gemm(team, a, weights, epilogue, out));
    c
}
