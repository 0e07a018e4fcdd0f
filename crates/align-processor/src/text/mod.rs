//! Strings to BERT token ids.
//!
//! - `options`: padding and truncation;
//! - `defaults`: default options of a checkpoint;
//! - `encoding`: padded batches;
//! - `load`: `tokenizer.json`, or `vocab.txt` and `tokenizer_config.json`.

mod defaults;
mod encoding;
mod load;
mod options;

pub use encoding::Encoding;
pub use options::{Padding, TokenizerOptions};

use crate::error::ProcessorError;
use defaults::Defaults;
use options::Side;
use serde_json::{Map, Value};
use std::path::Path;
use tokenizers::{PostProcessor, TruncationDirection};

/// A BERT WordPiece tokenizer.
///
/// Padding and truncation follow the [`TokenizerOptions`] of each call. Settings of that kind in
/// the checkpoint's files only affect [`Tokenizer::default_options`].
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    pad_id: u32,
    defaults: Defaults,
    /// The largest number of tokens that the model accepts, if the checkpoint holds it.
    model_max_length: Option<usize>,
}

impl Tokenizer {
    /// The tokenizer of a checkpoint folder: `tokenizer.json` if it exists, else `vocab.txt`.
    ///
    /// `tokenizer_config.json` adds special tokens, `model_max_length` and the normalisation of
    /// text, such as lower-casing.
    ///
    /// # Errors
    /// If neither file exists, a file cannot be read, or its contents are wrong.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self, ProcessorError> {
        load::from_pretrained(folder.as_ref())
    }

    /// A tokenizer from the bytes of a `tokenizer.json` and the fields of its
    /// `tokenizer_config.json`. The bytes can be part of the program, by `include_bytes!`.
    ///
    /// # Errors
    /// If the contents of either are wrong.
    pub fn from_json(json: &[u8], config: &Map<String, Value>) -> Result<Self, ProcessorError> {
        load::from_json(json, config)
    }

    /// Number of token ids, added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The id of padding.
    pub fn pad_id(&self) -> u32 {
        self.pad_id
    }

    /// The largest number of tokens that the model accepts, if the checkpoint holds it.
    pub fn model_max_length(&self) -> Option<usize> {
        self.model_max_length
    }

    /// Options that the original ALIGN processor uses with this checkpoint by default.
    ///
    /// They are [`TokenizerOptions::default`], unless the tokenizer's files hold `padding`,
    /// `max_length` or `truncation`.
    pub fn default_options(&self) -> TokenizerOptions {
        self.defaults.options
    }

    /// Token ids of each text, `[CLS]` and `[SEP]` included, without padding.
    ///
    /// The length of [`Padding::MaxLength`] is a limit here too. So this method and
    /// [`encode`](Self::encode) accept the same texts.
    ///
    /// # Errors
    /// If a text has too many tokens and `options` do not truncate it, or they truncate to fewer
    /// tokens than there are special tokens.
    pub fn encode_ragged(
        &self,
        texts: &[impl AsRef<str>],
        options: &TokenizerOptions,
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

    /// Token ids, attention mask and token types of a batch, each `[n, T]`, padded by `options`.
    ///
    /// ```
    /// use align_processor::{Tokenizer, TokenizerOptions};
    ///
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/processor/legacy");
    /// let tokenizer = Tokenizer::from_pretrained(folder)?;
    /// let encoding = tokenizer.encode(&["a photo of a cat"], &TokenizerOptions::default())?;
    /// assert_eq!(encoding.input_ids.shape(), [1, 64]);
    /// # Ok::<(), align_processor::ProcessorError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Tokenizer::encode_ragged`], or if [`Padding::None`] leaves rows of different lengths.
    pub fn encode(
        &self,
        texts: &[impl AsRef<str>],
        options: &TokenizerOptions,
    ) -> Result<Encoding, ProcessorError> {
        let rows = self.encode_ragged(texts, options)?;
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let length = match options.padding {
            Padding::MaxLength(length) => length,
            Padding::Longest => longest,
            Padding::None => {
                if let Some(short) = rows.iter().map(Vec::len).find(|len| *len != longest) {
                    let message =
                        format!("without it, one batch has rows of {short} and {longest} tokens");
                    return Err(ProcessorError::TextOption { option: "padding", message });
                }
                longest
            }
        };
        Ok(Encoding::from_rows(&rows, length, self.pad_id, self.defaults.padding_side))
    }

    /// Number of tokens of a text itself, if it is cut to `max_length` with special tokens.
    fn content_length(&self, max_length: usize) -> Result<usize, ProcessorError> {
        let special = self.inner.get_post_processor().map_or(0, |p| p.added_tokens(false));
        max_length.checked_sub(special).ok_or_else(|| ProcessorError::TextOption {
            option: "truncation",
            message: format!("expected at least {special} tokens, found {max_length}"),
        })
    }

    /// The ids of a text. It is cut to `content` tokens, then special tokens are added.
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

    /// Checks a text's number of tokens against all limits.
    fn check_length(
        &self,
        index: usize,
        text: &str,
        tokens: usize,
        options: &TokenizerOptions,
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

/// The part of a text that an error shows.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}
