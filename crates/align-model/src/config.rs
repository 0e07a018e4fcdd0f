//! Configuration of a whole model.

use align_bert::AlignTextConfig;
use align_efficientnet::AlignVisionConfig;
use align_tensor::config::{ConfigError, ConfigFile, MAX_WIDTH, in_range};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use std::path::Path;

/// The contents of a `config.json` with `"model_type": "align"`.
///
/// A missing field has the default of `AlignConfig` in transformers. Unknown fields are ignored.
///
/// ```
/// use align_model::AlignConfig;
///
/// let json = r#"{"model_type": "align", "text_config": {"num_hidden_layers": 6}}"#;
/// let config = AlignConfig::from_json(json)?;
/// assert_eq!((config.text_config.num_hidden_layers, config.projection_dim), (6, 640));
///
/// let error = AlignConfig::from_json(r#"{"projection_dim": 512}"#).unwrap_err();
/// assert!(error.to_string().contains("projection_dim: expected 640"));
/// # Ok::<(), align_model::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default, tag = "model_type", rename = "align")]
pub struct AlignConfig {
    /// The text tower.
    #[serde(deserialize_with = "null_as_default")]
    pub text_config: AlignTextConfig,
    /// The vision tower.
    #[serde(deserialize_with = "null_as_default")]
    pub vision_config: AlignVisionConfig,
    /// Number of values of an embedding: the width of the text projection's output and of the
    /// vision tower's. Default 640.
    pub projection_dim: usize,
    /// The temperature before training. Default 1.0. The trained temperature is a tensor of the
    /// checkpoint.
    pub temperature_init_value: f64,
}

impl Default for AlignConfig {
    fn default() -> Self {
        Self {
            text_config: AlignTextConfig::default(),
            vision_config: AlignVisionConfig::default(),
            projection_dim: 640,
            temperature_init_value: 1.0,
        }
    }
}

impl AlignConfig {
    /// Joins the configurations of two towers.
    ///
    /// # Errors
    /// As [`AlignConfig::validate`].
    pub fn from_text_vision_configs(
        text_config: AlignTextConfig,
        vision_config: AlignVisionConfig,
        projection_dim: usize,
    ) -> Result<Self, ConfigError> {
        let config = Self { text_config, vision_config, projection_dim, ..Self::default() };
        config.validate().map(|()| config)
    }

    /// Reads `config.json` in `folder`.
    ///
    /// # Errors
    /// If the file cannot be read, belongs to another kind of model, or
    /// [`AlignConfig::validate`] refuses a field.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self, ConfigError> {
        ConfigFile::open(folder)?.read("align", Self::validate)
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// As [`AlignConfig::from_pretrained`].
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        ConfigFile::parse("config.json".into(), text.as_bytes())?.read("align", Self::validate)
    }

    /// Checks every field, before anything is allocated by it or divided by it.
    ///
    /// # Errors
    /// [`ConfigError::Field`] for the first field with a value that is not allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.text_config.validate().map_err(|e| e.within("text_config"))?;
        self.vision_config.validate().map_err(|e| e.within("vision_config"))?;
        in_range("projection_dim", self.projection_dim, 1..=MAX_WIDTH)?;
        in_range("temperature_init_value", self.temperature_init_value, f64::MIN..=f64::MAX)?;
        let width = self.vision_config.embedding_size();
        if self.projection_dim != width {
            let expected = format!("{width}, the width of the vision tower's output");
            return Err(ConfigError::field("projection_dim", expected, self.projection_dim));
        }
        Ok(())
    }
}

/// Reads a tower's configuration. Null means the default, as a missing field does.
fn null_as_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(config: serde_json::Value) -> Result<AlignConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        AlignConfig::from_pretrained(folder.path()).map_err(|error| {
            error.to_string().replace(&format!("{}/", folder.path().display()), "")
        })
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(read(json!({})), Ok(AlignConfig::default()));
        let empty = json!({"model_type": "align", "text_config": null, "vision_config": {}});
        assert_eq!(read(empty), Ok(AlignConfig::default()));
    }

    #[test]
    fn fields_are_read_and_unknown_ones_ignored() {
        let config = read(json!({
            "model_type": "align",
            "projection_dim": 80,
            "temperature_init_value": 2,
            "use_cache": true,
            "text_config": {"hidden_size": 24, "position_embedding_type": "absolute"},
            "vision_config": {"width_coefficient": 0.25, "num_hidden_layers": 1},
        }))
        .unwrap();
        assert_eq!(config.text_config.hidden_size, 24);
        assert_eq!(config.text_config.vocab_size, 30522);
        assert_eq!(config.vision_config.embedding_size(), 80);
        assert_eq!((config.projection_dim, config.temperature_init_value), (80, 2.0));
    }

    #[test]
    fn what_is_written_reads_back() {
        let config = AlignConfig::default();
        assert_eq!(read(serde_json::to_value(&config).unwrap()), Ok(config));
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            (
                json!({"model_type": "clip"}),
                "config.json: model_type: expected \"align\", found \"clip\"",
            ),
            (
                json!({"text_config": {"hidden_size": "768"}}),
                "config.json: text_config.hidden_size: invalid type: string \"768\", expected usize",
            ),
            (
                json!({"vision_config": {"strides": [1, 2, 2, 2, 1, -2, 1]}}),
                "config.json: vision_config.strides[5]: invalid value: integer `-2`, expected usize",
            ),
            (
                json!({"vision_config": {"pooling_type": "min"}}),
                "config.json: vision_config.pooling_type: unknown variant `min`, \
                 expected `mean` or `max`",
            ),
            (
                json!({"text_config": {"num_attention_heads": 0}}),
                "config.json: text_config.num_attention_heads: expected 1 to 768, found 0",
            ),
            (
                json!({"projection_dim": 512}),
                "config.json: projection_dim: expected 640, the width of the vision tower's \
                 output, found 512",
            ),
        ];
        for (json, message) in cases {
            assert_eq!(read(json).unwrap_err(), message);
        }
    }

    #[test]
    fn towers_join_only_where_widths_agree() {
        let join = |dim| {
            AlignConfig::from_text_vision_configs(Default::default(), Default::default(), dim)
        };
        assert_eq!(join(640).unwrap(), AlignConfig::default());
        assert!(join(512).is_err());
    }
}
