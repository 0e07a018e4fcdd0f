//! The linear layer from the text tower to the embedding space.

use align_tensor::{
    Activation, CheckpointError, Epilogue, Linear, PackedWeights, Runtime, Team, Threads, Weights,
    gemm,
};
use ndarray::{Array2, ArrayView2};

/// `y [n, out] = x [n, in] W^T + b`, with `weight [out, in]` and `bias [out]`.
pub(crate) struct Projection {
    linear: Linear,
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
        let precision = runtime.precision().without_int8();
        let linear = Linear::load(runtime.isa, precision, weights, &[outputs, inputs])?;
        Ok(Self { linear, threads: runtime.threads.clone() })
    }

    pub(crate) fn forward(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
        product(&self.threads, x, self.linear.outputs(), |team, x, out| {
            self.linear.run(team, x, Activation::Identity, None, out);
        })
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
    let packed = PackedWeights::pack(runtime.isa, b, n, k);
    product(&runtime.threads, a, n, |team, a, out| {
        gemm(team, a, &packed, Epilogue::default(), out);
    })
}

/// Runs `multiply(team, a, out)` for rows `a [m, k]` and an `out [m, n]`.
fn product(
    threads: &Threads,
    a: ArrayView2<'_, f32>,
    n: usize,
    multiply: impl FnOnce(&Team<'_>, &[f32], &mut [f32]),
) -> Array2<f32> {
    let mut c = Array2::zeros((a.nrows(), n));
    let a = a.as_standard_layout();
    let a = a.as_slice().expect("standard layout is contiguous");
    let out = c.as_slice_mut().expect("a new array is contiguous");
    threads.gather(|team| multiply(team, a, out));
    c
}
