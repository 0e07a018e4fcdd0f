//! How a batch of texts is padded and cut.

/// Padding and truncation of a batch. [`Default`] is what the ALIGN processor does: pad to 64,
/// never truncate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// What shorter texts are filled up to.
    pub padding: Padding,
    /// Cut texts to this many tokens, `[CLS]` and the final `[SEP]` included; `None` refuses
    /// texts that are too long.
    pub truncation: Option<usize>,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { padding: Padding::MaxLength(64), truncation: None }
    }
}

/// What the rows of a batch are filled up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// This many tokens, whatever the batch; a longer text is an error.
    MaxLength(usize),
    /// The longest row of the batch.
    Longest,
    /// Nothing; rows must have one length to form a batch.
    None,
}

/// A side of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// The beginning.
    Left,
    /// The end.
    #[default]
    Right,
}
