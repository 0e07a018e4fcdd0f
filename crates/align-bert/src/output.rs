//! What the tower is asked for, and what it answers.

use ndarray::{Array2, Array3, Array4};

/// What a forward returns and computes beside the last hidden state.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    /// The embeddings' output and every layer's.
    pub hidden_states: bool,
    /// Every layer's attention weights.
    pub attentions: bool,
    /// Compute the rows of padding too, as the original does. Without it they cost nothing and
    /// hold zeros; no other row depends on them.
    pub padding: bool,
}

/// The outputs of the text tower, under the original's names.
#[derive(Clone, Debug)]
pub struct TextOutput {
    /// The last layer's output: `[texts, tokens, hidden_size]`.
    pub last_hidden_state: Array3<f32>,
    /// `tanh(dense(CLS))`, `[texts, hidden_size]`, where the checkpoint has a pooler.
    pub pooler_output: Option<Array2<f32>>,
    /// Where asked for: the embeddings, then each layer's output, `[texts, tokens, hidden_size]`.
    pub hidden_states: Option<Vec<Array3<f32>>>,
    /// Where asked for: each layer's attention weights, `[texts, heads, tokens, tokens]`.
    pub attentions: Option<Vec<Array4<f32>>>,
}

/// Why token ids cannot be embedded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// An array has another shape than the token ids.
    #[error("{name}: expected the shape of input_ids, {expected:?}, found {found:?}")]
    Shape {
        /// The array.
        name: &'static str,
        /// The shape of the token ids.
        expected: [usize; 2],
        /// The array's own shape.
        found: [usize; 2],
    },
    /// An id is negative or too large.
    #[error("{name}[{text}, {token}]: expected an id from 0 to {limit}, found {found}", limit = .bound - 1)]
    Id {
        /// The array.
        name: &'static str,
        /// The row.
        text: usize,
        /// The column.
        token: usize,
        /// One more than the largest id.
        bound: usize,
        /// What was found.
        found: i64,
    },
    /// A text has no token at all, or more than there are positions.
    #[error("input_ids: expected 1 to {limit} tokens in a text, found {found}")]
    Length {
        /// The configuration's `max_position_embeddings`.
        limit: usize,
        /// The tokens of each text.
        found: usize,
    },
}
