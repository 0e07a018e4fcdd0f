//! The configuration of the text tower.

use align_tensor::config::{
    ConfigError, ConfigFile, MAX_LAYERS, MAX_PARAMETERS, MAX_WIDTH, in_range, known_activation,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The configuration of the text tower: `text_config` of a `config.json`, or the whole file of a text
/// tower that was saved alone.
///
/// A missing field has the default of `AlignTextConfig` in transformers. Fields that do not affect
/// inference are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, tag = "model_type", rename = "align_text_model")]
pub struct AlignTextConfig {
    /// Size of the vocabulary: rows of the word embedding. Default 30522.
    pub vocab_size: usize,
    /// Width of the hidden states, a multiple of `num_attention_heads`. Default 768.
    pub hidden_size: usize,
    /// Number of layers. Default 12.
    pub num_hidden_layers: usize,
    /// Number of attention heads. Default 12.
    pub num_attention_heads: usize,
    /// Width of the layer inside the MLP. Default 3072.
    pub intermediate_size: usize,
    /// Activation of the MLP, by its name in transformers. Default `gelu`, the exact form.
    pub hidden_act: String,
    /// The longest sequence in tokens: rows of the position embedding. Default 512.
    pub max_position_embeddings: usize,
    /// Number of token types. Default 2.
    pub type_vocab_size: usize,
    /// Added to the variance in every layer normalisation. Default 1e-12.
    pub layer_norm_eps: f64,
    /// The token that pads a sequence. Default 0. The tower uses the mask only.
    pub pad_token_id: Option<i64>,
}

impl Default for AlignTextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".to_owned(),
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            pad_token_id: Some(0),
        }
    }
}

impl AlignTextConfig {
    /// Reads `config.json` in `folder`: that of a whole ALIGN model or of a text tower alone.
    ///
    /// # Errors
    /// If the file cannot be read, or [`validate`](Self::validate) rejects a field.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self, ConfigError> {
        ConfigFile::open(folder)?.read_tower("text_config", "align_text_model", Self::validate)
    }

    /// Width of one attention head.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// Number of parameters, including the pooler. The configuration must be valid.
    pub fn parameters(&self) -> u64 {
        let [hidden, inner] = [self.hidden_size, self.intermediate_size].map(|n| n as u64);
        let rows = self.vocab_size + self.max_position_embeddings + self.type_vocab_size;
        let dense = |from: u64, to: u64| from * to + to;
        let norm = 2 * hidden;
        let attention = 4 * dense(hidden, hidden) + norm;
        let mlp = dense(hidden, inner) + dense(inner, hidden) + norm;
        rows as u64 * hidden
            + norm
            + self.num_hidden_layers as u64 * (attention + mlp)
            + dense(hidden, hidden)
    }

    /// Checks every field, before a size is used to allocate or to divide.
    ///
    /// # Errors
    /// [`ConfigError::Field`] for the first field with an invalid value.
    pub fn validate(&self) -> Result<(), ConfigError> {
        const MAX_VOCABULARY: usize = 1 << 24;
        in_range("vocab_size", self.vocab_size, 1..=MAX_VOCABULARY)?;
        in_range("hidden_size", self.hidden_size, 1..=MAX_WIDTH)?;
        in_range("num_hidden_layers", self.num_hidden_layers, 1..=MAX_LAYERS)?;
        in_range("num_attention_heads", self.num_attention_heads, 1..=self.hidden_size)?;
        in_range("intermediate_size", self.intermediate_size, 1..=MAX_WIDTH)?;
        in_range("max_position_embeddings", self.max_position_embeddings, 1..=MAX_WIDTH)?;
        in_range("type_vocab_size", self.type_vocab_size, 1..=MAX_WIDTH)?;
        in_range("layer_norm_eps", self.layer_norm_eps, 0.0..=1.0)?;
        known_activation("hidden_act", &self.hidden_act)?;
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err(ConfigError::field(
                "hidden_size",
                format_args!("a multiple of num_attention_heads {}", self.num_attention_heads),
                self.hidden_size,
            ));
        }
        in_range("number of parameters", self.parameters(), 1..=MAX_PARAMETERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_text_tower_of_align_base() {
        let config = AlignTextConfig::default();
        config.validate().unwrap();
        assert_eq!(config.parameters(), 109_482_240);
        assert_eq!(config.head_size(), 64);
        assert_eq!(serde_json::from_str::<AlignTextConfig>("{}").unwrap(), config);
    }

    #[test]
    fn what_is_written_reads_back() {
        let config = AlignTextConfig { hidden_size: 24, pad_token_id: None, ..Default::default() };
        let json = serde_json::to_string(&config).unwrap();
        assert!(json.contains(r#""model_type":"align_text_model""#));
        assert_eq!(serde_json::from_str::<AlignTextConfig>(&json).unwrap(), config);
    }

    #[test]
    fn refuses_what_cannot_be() {
        type Case = (fn(&mut AlignTextConfig), &'static str);
        let cases: [Case; 10] = [
            (|c| c.vocab_size = 0, "vocab_size: expected 1 to 16777216, found 0"),
            (|c| c.hidden_size = 65537, "hidden_size: expected 1 to 65536, found 65537"),
            (|c| c.num_hidden_layers = 1001, "num_hidden_layers: expected 1 to 1000, found 1001"),
            (|c| c.num_attention_heads = 0, "num_attention_heads: expected 1 to 768, found 0"),
            (
                |c| c.num_attention_heads = 5,
                "hidden_size: expected a multiple of num_attention_heads 5, found 768",
            ),
            (|c| c.intermediate_size = 0, "intermediate_size: expected 1 to 65536, found 0"),
            (|c| c.type_vocab_size = 0, "type_vocab_size: expected 1 to 65536, found 0"),
            (|c| c.layer_norm_eps = f64::NAN, "layer_norm_eps: expected 0 to 1, found NaN"),
            (
                |c| c.hidden_act = "mish".to_owned(),
                "hidden_act: expected gelu, gelu_new, gelu_pytorch_tanh, relu, relu6, silu, swish, tanh or \
                 sigmoid, found \"mish\"",
            ),
            (
                |c| (c.hidden_size, c.num_hidden_layers) = (49152, 1000),
                "number of parameters: expected 1 to 4294967296, found 9970053292032",
            ),
        ];
        for (spoil, message) in cases {
            let mut config = AlignTextConfig::default();
            spoil(&mut config);
            assert_eq!(config.validate().unwrap_err().to_string(), message);
        }
    }
}
