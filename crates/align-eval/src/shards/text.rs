//! Captions from the bytes of a part.

use super::error::ShardError;
use serde_json::Value;

/// The longest caption, or JSON that holds one, in bytes.
pub(super) const MAX_BYTES: u64 = 1 << 20;

pub(super) fn from_utf8(bytes: Vec<u8>) -> Result<String, ShardError> {
    String::from_utf8(bytes).map_err(|error| ShardError::NotUtf8 { source: error.utf8_error() })
}

/// The text of a field of a JSON object.
pub(super) fn field_of_json(bytes: &[u8], field: &str) -> Result<String, ShardError> {
    let value: Value = serde_json::from_slice(bytes)?;
    let found = match value.get(field) {
        Some(Value::String(text)) => return Ok(text.clone()),
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
        None => "no such field",
    };
    Err(ShardError::Field { field: field.to_owned(), found })
}
