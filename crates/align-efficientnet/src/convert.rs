//! Conversion of the tower's tensors for a converted checkpoint.

use crate::config::AlignVisionConfig;
use crate::fold::{Convolution, Folded};
use align_tensor::{CheckpointError, ConvertedTensor, Weights};

/// The tensors of a batch norm. A converted checkpoint has none of them.
const NORM: [&str; 5] = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];

/// The tensors of the converted checkpoint, and the names of the tensors that they replace.
///
/// Every convolution has a `weight` and a `bias`, with its batch norm folded in. Weights of 1 x 1
/// convolutions are in bf16. Those of the stem and of depthwise convolutions are in `f32`, since
/// these compute in `f32`, and so are all biases. Weights are folded and then rounded, as at load,
/// so both checkpoints have the same embeddings, bit for bit.
///
/// # Errors
/// If a tensor is missing or does not have the shape or type that follows from the configuration.
///
/// # Panics
/// If the configuration is not valid: see [`AlignVisionConfig::validate`].
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
