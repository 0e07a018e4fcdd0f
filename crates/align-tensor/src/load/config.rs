//! Reading and checking of `config.json`. Every error names the file, the field, what was expected
//! and what was found. The types of the configurations are in the crates of the towers.

use crate::math::activation::Activation;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The largest file that is read. Real files are far smaller.
const MAX_BYTES: u64 = 1 << 20;

/// The largest number of parameters of a tower: 2^32, that is 16 GiB of f32. A configuration with
/// more is refused before anything is allocated.
pub const MAX_PARAMETERS: u64 = 1 << 32;

/// The largest width of a layer: channels, hidden units or positions.
pub const MAX_WIDTH: usize = 1 << 16;

/// The largest number of layers or blocks of a tower.
pub const MAX_LAYERS: usize = 1000;

/// Why a configuration cannot be used.
///
/// A message does not repeat the message of its [source](std::error::Error::source), so print the
/// whole chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is larger than the limit.
    #[error("{}: expected a configuration of at most {MAX_BYTES} bytes, found more", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not JSON.
    #[error("{}: not valid JSON", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The place and the cause.
        source: serde_json::Error,
    },
    /// A field has a value that is not allowed.
    #[error("{}{field}: {problem}", .file.as_ref().map(|f| format!("{}: ", f.display())).unwrap_or_default())]
    Field {
        /// The file, if the configuration is from one.
        file: Option<PathBuf>,
        /// The path to the field, such as `text_config.hidden_size`.
        field: String,
        /// What was expected and what was found.
        problem: String,
    },
}

impl ConfigError {
    /// An error of a field: what was expected and what was found.
    pub fn field(field: &str, expected: impl Display, found: impl Display) -> Self {
        Self::Field {
            file: None,
            field: field.to_owned(),
            problem: format!("expected {expected}, found {found}"),
        }
    }

    /// The same error, with the name of `section` in front of its field.
    #[must_use]
    pub fn within(self, section: &str) -> Self {
        match self {
            Self::Field { file, field, problem } => {
                Self::Field { file, field: format!("{section}.{field}"), problem }
            }
            other => other,
        }
    }

    /// The same error, with the file of its field.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Field { file: None, field, problem } => {
                Self::Field { file: Some(path.to_owned()), field, problem }
            }
            other => other,
        }
    }
}

/// Checks that a number is in a range. NaN is in no range.
///
/// # Errors
/// [`ConfigError::Field`] if it is outside.
pub fn in_range<T: PartialOrd + Display>(
    field: &str,
    found: T,
    range: RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if range.contains(&found) {
        return Ok(());
    }
    let (low, high) = range.into_inner();
    Err(ConfigError::field(field, format_args!("{low} to {high}"), found))
}

/// Checks that this is the name of an activation.
///
/// # Errors
/// [`ConfigError::Field`] if it is not.
pub fn known_activation(field: &str, found: &str) -> Result<(), ConfigError> {
    let expected = "gelu, gelu_new, gelu_pytorch_tanh, relu, relu6, silu, swish, tanh or sigmoid";
    match Activation::from_name(found) {
        Some(_) => Ok(()),
        None => Err(ConfigError::field(field, expected, quoted(found))),
    }
}

/// A parsed `config.json`.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    json: Value,
}

impl ConfigFile {
    /// Reads `config.json` in `folder`.
    ///
    /// # Errors
    /// If the file cannot be read, is too large, or is not JSON.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = folder.as_ref().join("config.json");
        let mut text = Vec::new();
        let read =
            File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut text));
        match read {
            Err(source) => Err(ConfigError::Read { path, source }),
            Ok(_) if text.len() as u64 > MAX_BYTES => Err(ConfigError::TooLarge { path }),
            Ok(_) => Self::parse(path, &text),
        }
    }

    /// Parses the text of a `config.json`. Errors name `path` as its file.
    ///
    /// # Errors
    /// If the text is not JSON.
    pub fn parse(path: PathBuf, text: &[u8]) -> Result<Self, ConfigError> {
        match serde_json::from_slice(text) {
            Ok(json) => Ok(Self { path, json }),
            Err(source) => Err(ConfigError::Json { path, source }),
        }
    }

    /// The file's `model_type`, if it has one.
    pub fn model_type(&self) -> Option<&str> {
        self.json.get("model_type")?.as_str()
    }

    /// Reads the whole file as a model of type `model_type`, and validates it.
    ///
    /// # Errors
    /// [`ConfigError::Field`] if the file has another `model_type`, if a field has the wrong type, or if `validate`
    /// refuses a value. A file without `model_type` is accepted.
    pub fn read<T: DeserializeOwned>(
        &self,
        model_type: &str,
        validate: fn(&T) -> Result<(), ConfigError>,
    ) -> Result<T, ConfigError> {
        match self.model_type() {
            Some(found) if found != model_type => {
                Err(ConfigError::field("model_type", quoted(model_type), quoted(found))
                    .in_file(&self.path))
            }
            _ => self.take(&self.json, validate),
        }
    }

    /// Reads the configuration of one tower. The file of a whole model has it in the object `section`, where null means
    /// defaults. Any other file is read as a whole, as a model of type `model_type`.
    ///
    /// # Errors
    /// As [`ConfigFile::read`].
    pub fn read_tower<T: DeserializeOwned>(
        &self,
        section: &str,
        model_type: &str,
        validate: fn(&T) -> Result<(), ConfigError>,
    ) -> Result<T, ConfigError> {
        let defaults = Value::Object(Default::default());
        match (self.json.get(section), self.model_type()) {
            (Some(Value::Null), _) | (None, Some("align")) => self.take(&defaults, validate),
            (Some(tower), _) => self.take(tower, validate).map_err(|e| e.within(section)),
            (None, _) => self.read(model_type, validate),
        }
    }

    fn take<T: DeserializeOwned>(
        &self,
        json: &Value,
        validate: fn(&T) -> Result<(), ConfigError>,
    ) -> Result<T, ConfigError> {
        serde_path_to_error::deserialize(json)
            .map_err(|error| ConfigError::Field {
                file: None,
                field: error.path().to_string(),
                problem: error.into_inner().to_string(),
            })
            .and_then(|config| validate(&config).map(|()| config))
            .map_err(|error| error.in_file(&self.path))
    }
}

/// A string with the quotes and escapes of JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use align_testing::error_chain;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(default)]
    struct Tower {
        width: usize,
    }

    impl Default for Tower {
        fn default() -> Self {
            Self { width: 7 }
        }
    }

    fn validate(tower: &Tower) -> Result<(), ConfigError> {
        in_range("width", tower.width, 1..=9)
    }

    fn read(json: &str) -> Result<usize, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), json).unwrap();
        ConfigFile::open(folder.path())
            .and_then(|file| file.read_tower("tower_config", "align_tower", validate))
            .map(|tower| tower.width)
            .map_err(|error| {
                error_chain(&error).replace(&format!("{}/", folder.path().display()), "")
            })
    }

    #[test]
    fn finds_the_tower_alone_or_in_a_whole_model() {
        assert_eq!(read(r#"{"width": 3, "unknown": [1]}"#), Ok(3));
        assert_eq!(read(r#"{"model_type": "align_tower"}"#), Ok(7));
        assert_eq!(read(r#"{"model_type": "align", "width": 3}"#), Ok(7));
        assert_eq!(read(r#"{"model_type": "align", "tower_config": {"width": 5}}"#), Ok(5));
        assert_eq!(read(r#"{"tower_config": null}"#), Ok(7));
    }

    #[test]
    fn names_the_file_the_field_and_both_sides() {
        let message = |json| read(json).unwrap_err();
        assert_eq!(message(r#"{"width": 0}"#), "config.json: width: expected 1 to 9, found 0");
        assert_eq!(
            message(r#"{"tower_config": {"width": -2}}"#),
            "config.json: tower_config.width: invalid value: integer `-2`, expected usize"
        );
        assert_eq!(
            message(r#"{"tower_config": {"width": "2"}}"#),
            "config.json: tower_config.width: invalid type: string \"2\", expected usize"
        );
        assert_eq!(
            message(r#"{"model_type": "bert"}"#),
            "config.json: model_type: expected \"align_tower\", found \"bert\""
        );
        assert!(message("{").starts_with("config.json: not valid JSON: EOF"));
        assert!(message(&" ".repeat(MAX_BYTES as usize + 1)).contains("found more"));
        assert!(in_range("eps", f64::NAN, 0.0..=1.0).is_err());
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = error_chain(&ConfigFile::open(folder.path()).unwrap_err());
        assert!(message.contains("config.json: cannot read: "), "{message}");
    }
}
