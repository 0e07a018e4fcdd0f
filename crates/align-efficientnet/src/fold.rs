//! Folding of a batch norm into the convolution that precedes it.

use crate::config::{AlignVisionConfig, BlockConfig};
use align_tensor::{CheckpointError, NumbersCow, PackedWeights, Runtime, Weights};

/// Names and shape of a convolution and of the batch norm after it.
pub(crate) struct Convolution {
    module: &'static str,
    conv: &'static str,
    norm: &'static str,
    /// `[channels, inputs, height, width]`.
    pub(crate) shape: [usize; 4],
}

impl Convolution {
    /// The convolution of the embeddings.
    pub(crate) fn stem(config: &AlignVisionConfig) -> Self {
        let shape = [config.stem_channels(), config.num_channels, 3, 3];
        Self { module: "embeddings", conv: "convolution", norm: "batchnorm", shape }
    }

    /// The expansion of a block, if it has one.
    pub(crate) fn expansion(config: &BlockConfig) -> Option<Self> {
        config.expand.then_some(Self {
            module: "expansion",
            conv: "expand_conv",
            norm: "expand_bn",
            shape: [config.expanded_channels, config.in_channels, 1, 1],
        })
    }

    /// The depthwise convolution of a block.
    pub(crate) fn depthwise(config: &BlockConfig) -> Self {
        Self {
            module: "depthwise_conv",
            conv: "depthwise_conv",
            norm: "depthwise_norm",
            shape: [config.expanded_channels, 1, config.kernel_size, config.kernel_size],
        }
    }

    /// The projection of a block.
    pub(crate) fn projection(config: &BlockConfig) -> Self {
        Self {
            module: "projection",
            conv: "project_conv",
            norm: "project_bn",
            shape: [config.out_channels, config.expanded_channels, 1, 1],
        }
    }

    /// The modules of the convolution and of the batch norm.
    pub(crate) fn modules<'a>(&self, weights: &Weights<'a>) -> (Weights<'a>, Weights<'a>) {
        let module = weights.sub(self.module);
        (module.sub(self.conv), module.sub(self.norm))
    }
}

/// A convolution's weights and bias with its batch norm folded in.
///
/// With `scale = gamma / sqrt(variance + eps)`, the batch norm of a convolution is
/// `y = scale * (conv(x) - mean) + beta`. This is a convolution with weights `scale * w` and bias
/// `beta - scale * mean`. Weights are folded in `f64`, which adds one rounding to each.
///
/// In a converted checkpoint they are already folded: the convolution has weights and a bias, and
/// there is no batch norm.
pub(crate) struct Folded<'a> {
    /// `[channels, values of a filter]`.
    pub(crate) weights: NumbersCow<'a>,
    /// `[channels]`.
    pub(crate) bias: Vec<f32>,
}

impl<'a> Folded<'a> {
    /// Reads `convolution` and its batch norm from the modules below `weights`.
    pub(crate) fn load(
        weights: &Weights<'a>,
        convolution: &Convolution,
        eps: f64,
    ) -> Result<Self, CheckpointError> {
        let (conv, norm) = convolution.modules(weights);
        let shape = convolution.shape;
        let channels = shape[0];
        if conv.contains("bias") {
            let bias = conv.tensor("bias", &[channels])?.into_owned();
            return Ok(Self { weights: conv.values("weight", &shape)?, bias });
        }
        let gamma = norm.tensor("weight", &[channels])?;
        let beta = norm.tensor("bias", &[channels])?;
        let mean = norm.tensor("running_mean", &[channels])?;
        let variance = norm.tensor("running_var", &[channels])?;
        let mut filters = conv.tensor("weight", &shape)?.into_owned();
        conv.release("weight");
        let filter_len = filters.len() / channels;
        let mut bias = Vec::with_capacity(channels);
        for (channel, filter) in filters.chunks_exact_mut(filter_len).enumerate() {
            let scale = f64::from(gamma[channel]) / (f64::from(variance[channel]) + eps).sqrt();
            bias.push((f64::from(beta[channel]) - scale * f64::from(mean[channel])) as f32);
            for weight in filter {
                *weight = (scale * f64::from(*weight)) as f32;
            }
        }
        Ok(Self { weights: filters.into(), bias })
    }

    /// The weights packed for 1 x 1 convolutions of `inputs` channels.
    pub(crate) fn pack(&self, runtime: &Runtime, inputs: usize) -> PackedWeights {
        let precision = runtime.precision().without_int8();
        PackedWeights::pack_values(runtime.isa, precision, &[self.weights.as_numbers()], inputs)
    }
}
