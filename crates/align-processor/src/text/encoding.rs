//! Padded batches of token ids.

use crate::text::options::Side;
use ndarray::Array2;

/// A padded batch of texts, as the text tower receives it. Each array is `[n, T]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Token ids, padded with the tokenizer's padding id.
    pub input_ids: Array2<i64>,
    /// 1 for a token, 0 for padding.
    pub attention_mask: Array2<i64>,
    /// Segments of tokens: all 0, since every text is one segment.
    pub token_type_ids: Array2<i64>,
}

impl Encoding {
    /// Pads `rows` on `side` to `length`, which no row exceeds.
    pub(super) fn from_rows(rows: &[Vec<u32>], length: usize, pad_id: u32, side: Side) -> Self {
        let shape = (rows.len(), length);
        let mut input_ids = Array2::from_elem(shape, i64::from(pad_id));
        let mut attention_mask = Array2::zeros(shape);
        for (i, row) in rows.iter().enumerate() {
            let start = match side {
                Side::Right => 0,
                Side::Left => length - row.len(),
            };
            for (j, id) in row.iter().enumerate() {
                input_ids[[i, start + j]] = i64::from(*id);
                attention_mask[[i, start + j]] = 1;
            }
        }
        Self { input_ids, attention_mask, token_type_ids: Array2::zeros(shape) }
    }
}
