//! The input of the tower.

use ndarray::ArrayView2;

/// A batch of token ids, with the optional inputs of the original. All arrays are `[texts, tokens]`.
#[derive(Clone, Copy, Debug)]
pub struct TextInput<'a> {
    /// Token ids, below the configuration's `vocab_size`.
    pub input_ids: ArrayView2<'a, i64>,
    /// Zero for padding. Without a mask, there is no padding.
    pub attention_mask: Option<ArrayView2<'a, i64>>,
    /// Segment ids. The default is zero.
    pub token_type_ids: Option<ArrayView2<'a, i64>>,
    /// Positions. The default is the column of the token.
    pub position_ids: Option<ArrayView2<'a, i64>>,
}

impl<'a> TextInput<'a> {
    /// Token ids without padding.
    pub fn new(input_ids: ArrayView2<'a, i64>) -> Self {
        Self { input_ids, attention_mask: None, token_type_ids: None, position_ids: None }
    }

    /// Sets the attention mask.
    #[must_use]
    pub fn with_mask(self, attention_mask: ArrayView2<'a, i64>) -> Self {
        Self { attention_mask: Some(attention_mask), ..self }
    }
}
