//! Strings to BERT token ids.
//!
//! - `options`: padding and truncation;
//! - `defaults`: the options of a call that names none;
//! - `encoding`: the padded batch;
//! - `load`: `tokenizer.json`, or `vocab.txt` and `tokenizer_config.json`.

mod defaults;
mod encoding;
mod load;
mod options;

use std::path::Path;

use serde_json::{Map, Value};
use tokenizers::{PostProcessor, TruncationDirection};

use crate::error::ProcessorError;
use defaults::Defaults;
pub use encoding::Encoding;
pub use options::{Padding, Side, TextOptions};

/// A BERT WordPiece tokenizer.
///
/// Padding and truncation follow the [`TextOptions`] of each call; settings of that kind inside
/// the checkpoint's files show only in [`Tokenizer::default_options`].
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    pad_id: u32,
    defaults: Defaults,
    /// The most tokens that the model takes, if the checkpoint says so.
    model_max_length: Option<usize>,
}

impl Tokenizer {
    /// The tokenizer of a checkpoint folder: `tokenizer.json` if it is there, else `vocab.txt`;
    /// either with what `tokenizer_config.json` says of special tokens, lower-casing (for
    /// `vocab.txt`) and `model_max_length`.
    ///
    /// # Errors
    /// If neither file is there, a file cannot be read, or what it says is wrong.
    pub fn from_pretrained(dir: impl AsRef<Path>) -> Result<Self, ProcessorError> {
        load::from_pretrained(dir.as_ref())
    }

    /// The tokenizer in the bytes of a `tokenizer.json`, such as ones that `include_bytes!` put into the program, with
    /// the fields of its `tokenizer_config.json`.
    ///
    /// # Errors
    /// If what either says is wrong.
    pub fn from_json(json: &[u8], config: &Map<String, Value>) -> Result<Self, ProcessorError> {
        load::from_json(json, config)
    }

    /// The number of token ids, those of added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The id that fills padded rows.
    pub fn pad_id(&self) -> u32 {
        self.pad_id
    }

    /// The most tokens that the model takes, if the checkpoint says so.
    pub fn model_max_length(&self) -> Option<usize> {
        self.model_max_length
    }

    /// What the original ALIGN processor does with this checkpoint when a call says nothing:
    /// [`TextOptions::default`], unless the tokenizer's files hold `padding`, `max_length` or
    /// `truncation`.
    pub fn default_options(&self) -> TextOptions {
        self.defaults.options
    }

    /// Token ids of each text, `[CLS]` and `[SEP]` included, without padding.
    ///
    /// With [`Padding::MaxLength`], its length is the limit here too, so that a batch is accepted
    /// or refused alike in both forms.
    ///
    /// # Errors
    /// If a text has too many tokens and `options` do not ask for truncation, or the options
    /// cannot be met.
    pub fn encode_ragged(
        &self,
        texts: &[impl AsRef<str>],
        options: &TextOptions,
    ) -> Result<Vec<Vec<u32>>, ProcessorError> {
        let content = options.truncation.map(|length| self.content_length(length)).transpose()?;
        texts
            .iter()
            .enumerate()
            .map(|(index, text)| {
                let text = text.as_ref();
                let ids = self.ids(text, content).map_err(|error| ProcessorError::Tokenize {
                    index,
                    text: beginning(text),
                    message: error.to_string(),
                })?;
                self.check_length(index, text, ids.len(), options)?;
                Ok(ids)
            })
            .collect()
    }

    /// Token ids, attention mask and token types of a batch, padded as `options` say.
    ///
    /// ```no_run
    /// use align_processor::{TextOptions, Tokenizer};
    ///
    /// let tokenizer = Tokenizer::from_pretrained("align-base")?;
    /// let encoding = tokenizer.encode(&["a photo of a cat"], &TextOptions::default())?;
    /// assert_eq!(encoding.input_ids.shape(), [1, 64]);
    /// # Ok::<(), align_processor::ProcessorError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Tokenizer::encode_ragged`], or if [`Padding::None`] leaves rows of different lengths.
    pub fn encode(
        &self,
        texts: &[impl AsRef<str>],
        options: &TextOptions,
    ) -> Result<Encoding, ProcessorError> {
        let rows = self.encode_ragged(texts, options)?;
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let length = match options.padding {
            Padding::MaxLength(length) => length,
            Padding::Longest => longest,
            Padding::None => {
                if let Some(short) = rows.iter().map(Vec::len).find(|len| *len != longest) {
                    let message =
                        format!("none leaves rows of {short} and {longest} tokens in one batch");
                    return Err(ProcessorError::TextOption { option: "padding", message });
                }
                longest
            }
        };
        Ok(Encoding::padded(&rows, length, self.pad_id, self.defaults.padding_side))
    }

    /// How many tokens of a text stay if it is cut to `max_length`, special tokens included.
    fn content_length(&self, max_length: usize) -> Result<usize, ProcessorError> {
        let special = self.inner.get_post_processor().map_or(0, |p| p.added_tokens(false));
        max_length.checked_sub(special).ok_or_else(|| ProcessorError::TextOption {
            option: "truncation",
            message: format!("at least {special} tokens must stay, found {max_length}"),
        })
    }

    /// The ids of a text, cut to `content` tokens before the special ones are added.
    fn ids(&self, text: &str, content: Option<usize>) -> tokenizers::Result<Vec<u32>> {
        let mut encoding = self.inner.encode_fast(text, false)?;
        if let Some(content) = content {
            let direction = match self.defaults.truncation_side {
                Side::Right => TruncationDirection::Right,
                Side::Left => TruncationDirection::Left,
            };
            encoding.truncate(content, 0, direction);
        }
        Ok(self.inner.post_process(encoding, None, true)?.get_ids().to_vec())
    }

    fn check_length(
        &self,
        index: usize,
        text: &str,
        tokens: usize,
        options: &TextOptions,
    ) -> Result<(), ProcessorError> {
        let padded = match options.padding {
            Padding::MaxLength(length) => Some((length, "padding to max_length")),
            Padding::Longest | Padding::None => None,
        };
        let model = self.model_max_length.map(|length| (length, "the model's model_max_length"));
        let limits = [padded, model].into_iter().flatten();
        match limits.min_by_key(|(limit, _)| *limit) {
            Some((limit, limit_name)) if tokens > limit => Err(ProcessorError::TextTooLong {
                index,
                text: beginning(text),
                tokens,
                limit,
                limit_name,
            }),
            _ => Ok(()),
        }
    }
}

/// As much of a text as an error shows.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}
