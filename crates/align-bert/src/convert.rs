//! Conversion of the tower's tensors for a converted checkpoint.

use crate::config::AlignTextConfig;
use align_tensor::{CheckpointError, ConvertedTensor, Precision, Weights};

/// The tensors of the converted checkpoint, and the names of the tensors that they replace.
///
/// Weights of linear layers are in bf16, or integers with a scale for each row. Embedding tables are
/// in bf16. Biases and norms do not change.
///
/// # Errors
/// If a tensor is missing or does not have the shape or type that follows from the configuration.
///
/// # Panics
/// If the precision is neither [`Precision::Bf16`] nor [`Precision::Int8`].
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
        // A table is rounded like the weights of a product in bf16.
        converted.extend(ConvertedTensor::from_linear(Precision::Bf16, &module, &[rows, hidden])?);
        replaced.push(module.full_name("weight"));
    }
    Ok((converted, replaced))
}
