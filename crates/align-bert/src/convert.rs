//! The tower's tensors as a converted checkpoint has them.

use crate::AlignTextConfig;
use align_tensor::{CheckpointError, ConvertedTensor, Precision, Weights};

/// The tensors that stand for others in a converted checkpoint, and the names of those others:
/// weights of linear layers in bf16, or as integers with the scales of their rows, and the embedding
/// tables in bf16. Biases and norms stay as they are.
///
/// # Errors
/// Where a tensor is missing or has another shape or type than the configuration says.
///
/// # Panics
/// Where the precision is neither [`Precision::Bf16`] nor [`Precision::Int8`].
pub fn convert(
    config: &AlignTextConfig,
    precision: Precision,
    weights: &Weights<'_>,
) -> Result<(Vec<ConvertedTensor>, Vec<String>), CheckpointError> {
    let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
    let mut linears = Vec::new();
    let encoder = weights.sub("encoder").sub("layer");
    for layer in (0..config.num_hidden_layers).map(|layer| encoder.sub(layer)) {
        let attention = layer.sub("attention");
        let own = attention.sub("self");
        for name in ["query", "key", "value"] {
            linears.push((own.sub(name), [hidden, hidden]));
        }
        linears.push((attention.sub("output").sub("dense"), [hidden, hidden]));
        linears.push((layer.sub("intermediate").sub("dense"), [intermediate, hidden]));
        linears.push((layer.sub("output").sub("dense"), [hidden, intermediate]));
    }
    let pooler = weights.sub("pooler").sub("dense");
    if pooler.contains("weight") {
        linears.push((pooler, [hidden, hidden]));
    }
    let (mut converted, mut replaced) = (Vec::new(), Vec::new());
    for (module, shape) in linears {
        converted.extend(ConvertedTensor::from_linear(precision, &module, &shape)?);
        replaced.push(module.full_name("weight"));
    }
    let embeddings = weights.sub("embeddings");
    for (name, rows) in [
        ("word_embeddings", config.vocab_size),
        ("position_embeddings", config.max_position_embeddings),
        ("token_type_embeddings", config.type_vocab_size),
    ] {
        let module = embeddings.sub(name);
        // A table is rounded as the weights of a product in bf16 are.
        converted.extend(ConvertedTensor::from_linear(Precision::Bf16, &module, &[rows, hidden])?);
        replaced.push(module.full_name("weight"));
    }
    Ok((converted, replaced))
}
