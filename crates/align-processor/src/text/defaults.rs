//! Default options of the original ALIGN processor with a checkpoint.

use crate::error::ProcessorError;
use crate::json::{field_or, wrong};
use crate::text::options::{Padding, Side, TokenizerOptions};
use serde_json::{Map, Value};
use tokenizers::{PaddingDirection, PaddingStrategy, TruncationDirection};

/// Default options, and the sides of padding and truncation.
///
/// In the original they are settings of the tokenizer. Fields of `tokenizer_config.json` take
/// precedence. Next are the settings with which a saved `tokenizer.json` was used last. The
/// processor's own defaults are the last: pad to 64, on the right, without truncation. Few
/// checkpoints have any of these fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    pub(super) options: TokenizerOptions,
    pub(super) padding_side: Side,
    pub(super) truncation_side: Side,
}

impl Defaults {
    /// Reads `fields` of `tokenizer_config.json` and the settings of `inner`.
    ///
    /// # Errors
    /// If a field has the wrong type or a value that is not allowed.
    pub(super) fn new(
        fields: &Map<String, Value>,
        inner: &tokenizers::Tokenizer,
        model_max_length: Option<usize>,
    ) -> Result<Self, ProcessorError> {
        let (truncation, padding) = (inner.get_truncation(), inner.get_padding());

        let saved = match (truncation, padding.map(|padding| &padding.strategy)) {
            (Some(truncation), _) => Some(truncation.max_length),
            (None, Some(PaddingStrategy::Fixed(length))) => Some(*length),
            (None, Some(PaddingStrategy::BatchLongest)) => model_max_length,
            (None, None) => Some(64),
        };
        let expected = "a number of at least 2 tokens";
        let max_length = field_or(fields, "max_length", expected, saved)?;
        if max_length.is_some_and(|length| length < 2) && fields.contains_key("max_length") {
            return Err(wrong("max_length", expected, &fields["max_length"]));
        }
        let to_max_length = max_length.map_or(Padding::Longest, Padding::MaxLength);
        let padding_field = fields.get("padding").unwrap_or(&Value::Null);
        let options = TokenizerOptions {
            padding: match padding_field {
                Value::Null => to_max_length,
                Value::Bool(true) => Padding::Longest,
                Value::Bool(false) => Padding::None,
                Value::String(name) if name == "max_length" => to_max_length,
                Value::String(name) if name == "longest" => Padding::Longest,
                Value::String(name) if name == "do_not_pad" => Padding::None,
                other => {
                    let expected = "true, false, \"longest\", \"max_length\" or \"do_not_pad\"";
                    return Err(wrong("padding", expected, other));
                }
            },
            truncation: field_or(fields, "truncation", "true or false", false)?
                .then_some(max_length.or(model_max_length))
                .flatten(),
        };

        let saved = padding.map(|padding| match padding.direction {
            PaddingDirection::Left => Side::Left,
            PaddingDirection::Right => Side::Right,
        });
        let padding_side = side(fields, "padding_side", saved)?;
        let saved = truncation.map(|truncation| match truncation.direction {
            TruncationDirection::Left => Side::Left,
            TruncationDirection::Right => Side::Right,
        });
        let truncation_side = side(fields, "truncation_side", saved)?;
        Ok(Self { options, padding_side, truncation_side })
    }
}

/// Reads a field that holds a side. `saved` is the tokenizer's own setting.
fn side(
    fields: &Map<String, Value>,
    name: &str,
    saved: Option<Side>,
) -> Result<Side, ProcessorError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(saved.unwrap_or_default()),
        Some(value) => match value.as_str() {
            Some("right") => Ok(Side::Right),
            Some("left") => Ok(Side::Left),
            _ => Err(wrong(name, "\"left\" or \"right\"", value)),
        },
    }
}
