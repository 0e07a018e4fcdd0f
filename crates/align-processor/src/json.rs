//! JSON objects, read field by field so that an error can name the field.

use crate::error::ProcessorError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The longest config file that is read, in bytes. Real ones have a few kilobytes.
const MAX_BYTES: u64 = 64 << 20;

/// Reads a JSON object from `path`. `None` if there is no such file.
pub(crate) fn read_object(path: &Path) -> Result<Option<Map<String, Value>>, ProcessorError> {
    let Some(bytes) = read_file(path, MAX_BYTES)? else { return Ok(None) };
    let json = |message: String| ProcessorError::Json { path: path.into(), message };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        Ok(other) => Err(json(format!("expected a JSON object, found {}", describe(&other)))),
        Err(error) => Err(json(format!("not valid JSON: {error}"))),
    }
}

/// Reads a whole file of at most `max_bytes`. `None` if there is no such file.
pub(crate) fn read_file(path: &Path, max_bytes: u64) -> Result<Option<Vec<u8>>, ProcessorError> {
    let io = |source| ProcessorError::Io { path: path.into(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > max_bytes {
        let message = format!("longer than {max_bytes} bytes");
        return Err(ProcessorError::Json { path: path.into(), message });
    }
    Ok(Some(bytes))
}

/// The field `name` of `object`, or `default` if it is missing or null.
pub(crate) fn field_or<T: DeserializeOwned>(
    object: &Map<String, Value>,
    name: &str,
    expected: &str,
    default: T,
) -> Result<T, ProcessorError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => T::deserialize(value).map_err(|_| wrong(name, expected, value)),
    }
}

/// The error for a `value` that the field `name` must not have.
pub(crate) fn wrong(name: &str, expected: &str, value: &Value) -> ProcessorError {
    ProcessorError::Field {
        origin: None,
        field: name.into(),
        expected: expected.into(),
        found: describe(value),
    }
}

/// A value for an error message: its JSON text, cut if it is long.
fn describe(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
