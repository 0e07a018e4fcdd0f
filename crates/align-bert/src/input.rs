//! The token ids that the tower takes.

use ndarray::ArrayView2;

/// A batch of token ids and what the original takes beside them, all `[texts, tokens]`.
#[derive(Clone, Copy, Debug)]
pub struct TextInput<'a> {
    /// Token ids, below the configuration's `vocab_size`.
    pub input_ids: ArrayView2<'a, i64>,
    /// Zero where a token is padding. Without it, none is.
    pub attention_mask: Option<ArrayView2<'a, i64>>,
    /// Segment ids. Without them, all are zero.
    pub token_type_ids: Option<ArrayView2<'a, i64>>,
    /// Positions. Without them, a token's place in its row.
    pub position_ids: Option<ArrayView2<'a, i64>>,
}

impl<'a> TextInput<'a> {
    /// Token ids without padding.
    pub fn new(input_ids: ArrayView2<'a, i64>) -> Self {
        Self { input_ids, attention_mask: None, token_type_ids: None, position_ids: None }
    }

    /// With an attention mask.
    pub fn with_mask(self, attention_mask: ArrayView2<'a, i64>) -> Self {
        Self { attention_mask: Some(attention_mask), ..self }
    }
}
