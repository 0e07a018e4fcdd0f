//! The tower's tensors as a converted checkpoint has them.

use crate::{
    AlignVisionConfig,
    fold::{Convolution, Folded},
};
use align_tensor::{CheckpointError, ConvertedTensor, Weights};

/// The parts of a batch norm, none of which is left behind.
const NORM: [&str; 5] = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];

/// The tensors that stand for others in a converted checkpoint, and the names of those others.
///
/// Every convolution has its batch norm folded in: a `weight` and a `bias`. Weights of 1 x 1
/// convolutions are in bf16, those of the stem and of depthwise convolutions, which compute in
/// `f32`, and all biases in full. Rounding comes after folding, as at load, so answers are the same
/// to the bit.
///
/// # Errors
/// Where a tensor is missing or has another shape or type than the configuration says.
///
/// # Panics
/// Where the configuration is not valid: see [`AlignVisionConfig::validate`].
pub fn convert(
    config: &AlignVisionConfig,
    weights: &Weights<'_>,
) -> Result<(Vec<ConvertedTensor>, Vec<String>), CheckpointError> {
    let (mut converted, mut replaced) = (Vec::new(), Vec::new());
    let mut convert = |root: &Weights<'_>, convolution: &Convolution, is_product: bool| {
        let (conv, norm) = convolution.modules(root);
        let Folded { weights, bias } = Folded::load(root, convolution, config.batch_norm_eps)?;
        let (name, shape) = (conv.full_name("weight"), &convolution.shape);
        converted.push(if is_product {
            ConvertedTensor::from_rounded(name.clone(), shape, weights.as_numbers())
        } else {
            ConvertedTensor::from_f32(name.clone(), shape, &weights.into_f32())
        });
        converted.push(ConvertedTensor::from_f32(conv.full_name("bias"), &shape[..1], &bias));
        replaced.push(name);
        replaced.extend(NORM.map(|part| norm.full_name(part)));
        Ok::<_, CheckpointError>(())
    };
    convert(weights, &Convolution::stem(config), false)?;
    let encoder = weights.sub("encoder").sub("blocks");
    for (index, block) in config.blocks().iter().enumerate() {
        let root = encoder.sub(index);
        if let Some(expansion) = Convolution::expansion(block) {
            convert(&root, &expansion, true)?;
        }
        convert(&root, &Convolution::depthwise(block), false)?;
        convert(&root, &Convolution::projection(block), true)?;
    }
    Ok((converted, replaced))
}
