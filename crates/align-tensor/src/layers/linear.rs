//! Linear layers: loading, packing and running.

use crate::cpu::Isa;
use crate::gemm::{Epilogue, Lhs, Output, PackedWeights, gemm};
use crate::load::checkpoint::{CheckpointError, Weights};
use crate::math::activation::Activation;
use crate::number::{NumbersCow, Precision};
use crate::threads::Team;

/// A linear layer or a 1 x 1 convolution with a bias, its weights packed.
#[derive(Clone, Debug)]
pub struct Linear {
    weights: PackedWeights,
    bias: Vec<f32>,
}

impl Linear {
    /// Loads `weight` and `bias [outputs]` of one module, for products of `precision`.
    ///
    /// `shape` is the shape of the weight: outputs, inputs, and two ones for a 1 x 1 convolution.
    ///
    /// # Errors
    /// If either tensor is missing or has another shape or type.
    ///
    /// # Panics
    /// If `shape` has fewer than two sizes, or a size other than one after them.
    pub fn load(
        isa: Isa,
        precision: Precision,
        module: &Weights<'_>,
        shape: &[usize],
    ) -> Result<Self, CheckpointError> {
        Self::load_side_by_side(isa, precision, std::slice::from_ref(module), shape)
    }

    /// Loads several modules of one shape as one layer. Its outputs are those of the modules, one
    /// module after another.
    ///
    /// For `int8`, the checkpoint may hold quantised weights: integers in `weight`, and a scale for
    /// each row in `weight_scale [outputs]`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    ///
    /// # Panics
    /// As [`load`](Self::load).
    pub fn load_side_by_side(
        isa: Isa,
        precision: Precision,
        modules: &[Weights<'_>],
        shape: &[usize],
    ) -> Result<Self, CheckpointError> {
        let (outputs, inputs) = (shape[0], shape[1]);
        assert!(shape[2..].iter().all(|&size| size == 1), "a linear layer");
        let mut bias = Vec::new();
        for module in modules {
            bias.extend_from_slice(&module.tensor("bias", &[outputs])?);
        }
        let is_quantized = |module: &Weights<'_>| module.contains("weight_scale");
        let weights = if precision == Precision::Int8 && modules.iter().all(is_quantized) {
            let (mut integers, mut scales) = (Vec::new(), Vec::new());
            for module in modules {
                integers.extend_from_slice(&module.integers("weight", shape)?);
                scales.extend_from_slice(&module.tensor("weight_scale", &[outputs])?);
            }
            PackedWeights::pack_quantized(isa, &integers, scales, inputs)
        } else {
            let values = modules.iter().map(|module| module.values("weight", shape));
            let values = values.collect::<Result<Vec<_>, _>>()?;
            let values: Vec<_> = values.iter().map(NumbersCow::as_numbers).collect();
            PackedWeights::pack_values(isa, precision, &values, inputs)
        };
        modules.iter().for_each(|module| module.release("weight"));
        Ok(Self { weights, bias })
    }

    /// The width of an output row.
    pub fn outputs(&self) -> usize {
        self.weights.n()
    }

    /// The floating-point operations for this number of rows: two for each product.
    pub fn flops(&self, rows: usize) -> usize {
        2 * rows * self.weights.k() * self.weights.n()
    }

    /// `out [rows, outputs] = act(x [rows, inputs] * W^T + b) + residual`.
    ///
    /// # Panics
    /// As [`gemm`](crate::gemm()).
    pub fn run<'a, 'c>(
        &self,
        team: &Team<'_>,
        x: impl Into<Lhs<'a>>,
        activation: Activation,
        residual: Option<&[f32]>,
        out: impl Into<Output<'c>>,
    ) {
        let epilogue = Epilogue { bias: Some(&self.bias), activation, residual };
        gemm(team, x, &self.weights, epilogue, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::checkpoint::TensorSource;
    use crate::threads::Threads;
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

        fn contains(&self, name: &str) -> bool {
            !name.ends_with("weight_scale")
        }
    }

    #[test]
    fn outputs_lie_side_by_side() {
        let source = Source;
        let [a, b] = ["a", "b"].map(|name| Weights::new(&source).sub(name));
        // Every precision holds these numbers exactly.
        let every = Precision::ALL.into_iter();
        let every = every.flat_map(|p| Isa::available().into_iter().map(move |isa| (isa, p)));
        for (isa, precision) in every {
            let both = Linear::load_side_by_side(isa, precision, &[a.clone(), b.clone()], &[2, 1])
                .unwrap();
            assert_eq!((both.outputs(), both.flops(3)), (4, 24));
            let convolution = Linear::load(isa, precision, &b, &[2, 1, 1, 1]).unwrap();
            let (mut out, mut alone) = ([0.0; 4], [0.0; 2]);
            Threads::single().gather(|team| {
                let residual = [1.0, 2.0, 3.0, 4.0];
                both.run(team, &[-100.0][..], Activation::Relu, Some(&residual), &mut out[..]);
                convolution.run(team, &[1.0][..], Activation::Identity, None, &mut alone[..]);
            });
            assert_eq!(out, [1.0, 2.0, 3.0, 4.0]);
            // In `int8`, a row of one weight is 127 times a scale, and the scale is rounded.
            let bound = 44.0 * f32::EPSILON;
            assert!((alone[0] - 33.0).abs() <= bound && (alone[1] - 44.0).abs() <= bound);
        }
    }
}
