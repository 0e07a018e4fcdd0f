//! Padding and truncation of a batch of texts.

/// Padding and truncation of a batch of texts.
///
/// [`Default`] is the behaviour of the ALIGN processor: pad to 64 tokens, never truncate.
///
/// ```
/// use align_processor::{Padding, TokenizerOptions};
///
/// let options = TokenizerOptions::default().with_padding(Padding::Longest);
/// assert_eq!(options.truncation, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenizerOptions {
    /// Length that shorter texts are padded to.
    pub padding: Padding,
    /// Length that longer texts are cut to, in tokens, `[CLS]` and the final `[SEP]` included.
    /// `None`: a text that is too long is an error.
    pub truncation: Option<usize>,
}

impl TokenizerOptions {
    /// Sets [`padding`](Self::padding).
    #[must_use]
    pub const fn with_padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// Sets [`truncation`](Self::truncation).
    #[must_use]
    pub const fn with_truncation(self, truncation: Option<usize>) -> Self {
        Self { truncation, ..self }
    }
}

impl Default for TokenizerOptions {
    fn default() -> Self {
        Self { padding: Padding::MaxLength(64), truncation: None }
    }
}

/// Length that the rows of a batch are padded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Padding {
    /// This number of tokens, for any batch. A longer text is an error.
    MaxLength(usize),
    /// The longest row of the batch.
    Longest,
    /// No padding. All rows of a batch must have one length.
    None,
}

/// A side of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Side {
    /// The start.
    Left,
    /// The end.
    #[default]
    Right,
}
