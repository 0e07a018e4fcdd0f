//! The linear layer from the text tower to the embedding space.

use align_tensor::{Activation, CheckpointError, Linear, Runtime, Threads, Weights};
use ndarray::{Array2, ArrayView2};

/// `y [n, out] = x [n, in] W^T + b`, with `weight [out, in]` and `bias [out]`.
#[derive(Debug)]
pub(crate) struct Projection {
    linear: Linear,
    threads: Threads,
}

impl Projection {
    /// Loads `weight` and `bias`.
    ///
    /// # Errors
    /// If a tensor is missing, damaged or of the wrong shape.
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

    /// Computes `y [n, out]` of `x [n, in]`.
    pub(crate) fn forward(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut y = Array2::zeros((x.nrows(), self.linear.outputs()));
        let x = x.as_standard_layout();
        let x = x.as_slice().expect("standard layout is contiguous");
        let out = y.as_slice_mut().expect("a new array is contiguous");
        self.threads.gather(|team| self.linear.run(team, x, Activation::Identity, None, out));
        y
    }
}
