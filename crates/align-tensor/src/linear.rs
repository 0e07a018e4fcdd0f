//! A linear layer, from a checkpoint's tensors to its product.

use crate::{Activation, CheckpointError, Epilogue, Isa, PackedMatrix, Team, Weights, gemm};

/// A linear layer or a 1 x 1 convolution with a bias, its weights packed.
#[derive(Clone, Debug)]
pub struct Linear {
    weights: PackedMatrix,
    bias: Vec<f32>,
}

impl Linear {
    /// Loads `weight` of `shape` (outputs, inputs, and then ones where it is a convolution's) and
    /// `bias [outputs]` of one module.
    ///
    /// # Errors
    /// Where either is missing or has another shape or type.
    ///
    /// # Panics
    /// Where `shape` has fewer than two sizes, or others behind them than one.
    pub fn load(isa: Isa, module: &Weights<'_>, shape: &[usize]) -> Result<Self, CheckpointError> {
        Self::load_side_by_side(isa, std::slice::from_ref(module), shape)
    }

    /// Loads several modules of one shape as one layer whose outputs lie side by side.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    ///
    /// # Panics
    /// As [`load`](Self::load).
    pub fn load_side_by_side(
        isa: Isa,
        modules: &[Weights<'_>],
        shape: &[usize],
    ) -> Result<Self, CheckpointError> {
        let (outputs, inputs) = (shape[0], shape[1]);
        let mut matrix = Vec::new();
        let mut bias = Vec::new();
        for module in modules {
            matrix.extend_from_slice(&module.tensor("weight", shape)?);
            bias.extend_from_slice(&module.tensor("bias", &[outputs])?);
            module.release("weight");
        }
        Ok(Self { weights: PackedMatrix::pack(isa, &matrix, bias.len(), inputs), bias })
    }

    /// How many outputs a row has.
    pub fn outputs(&self) -> usize {
        self.weights.n()
    }

    /// The floating-point operations for that many rows, two for each product.
    pub fn flops(&self, rows: usize) -> usize {
        2 * rows * self.weights.k() * self.weights.n()
    }

    /// `out [rows, outputs] = act(x [rows, inputs] * W^T + b) + residual`.
    ///
    /// # Panics
    /// As [`gemm`](crate::gemm()).
    pub fn run(
        &self,
        team: &Team<'_>,
        x: &[f32],
        activation: Activation,
        residual: Option<&[f32]>,
        out: &mut [f32],
    ) {
        let epilogue = Epilogue { bias: Some(&self.bias), activation, residual };
        gemm(team, x, &self.weights, epilogue, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TensorSource, Threads};
    use std::borrow::Cow;

    /// Modules `a` and `b` of two outputs and one input each.
    struct Source;

    impl TensorSource for Source {
        fn tensor(&self, name: &str, _: &[usize]) -> Result<Cow<'_, [f32]>, CheckpointError> {
            Ok(match name {
                "a.weight" => vec![1.0, 2.0],
                "a.bias" => vec![10.0, 20.0],
                "b.weight" => vec![3.0, 4.0],
                _ => vec![30.0, 40.0],
            }
            .into())
        }

        fn contains(&self, _: &str) -> bool {
            true
        }
    }

    #[test]
    fn outputs_lie_side_by_side() {
        let source = Source;
        let [a, b] = ["a", "b"].map(|name| Weights::new(&source).sub(name));
        for isa in Isa::available() {
            let both = Linear::load_side_by_side(isa, &[a.clone(), b.clone()], &[2, 1]).unwrap();
            assert_eq!((both.outputs(), both.flops(3)), (4, 24));
            let convolution = Linear::load(isa, &b, &[2, 1, 1, 1]).unwrap();
            let (mut out, mut alone) = ([0.0; 4], [0.0; 2]);
            Threads::single().gather(|team| {
                both.run(team, &[-100.0], Activation::Relu, Some(&[1.0, 2.0, 3.0, 4.0]), &mut out);
                convolution.run(team, &[1.0], Activation::Identity, None, &mut alone);
            });
            assert_eq!(out, [1.0, 2.0, 3.0, 4.0]);
            assert_eq!(alone, [33.0, 44.0]);
        }
    }
}
