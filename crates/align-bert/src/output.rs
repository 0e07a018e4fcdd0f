//! Options, outputs and errors of a forward.

use ndarray::{Array2, Array3, Array4};

/// Additional outputs of [`TextTower::forward`](crate::TextTower::forward). The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextOptions {
    /// The outputs of the embeddings and of every layer.
    pub hidden_states: bool,
    /// The attention weights of every layer.
    pub attentions: bool,
    /// The rows of padding, as the original computes them. Without this option they are zero and
    /// cost nothing. No other row depends on them.
    pub padding: bool,
}

impl TextOptions {
    /// No additional outputs.
    #[must_use]
    pub const fn new() -> Self {
        Self { hidden_states: false, attentions: false, padding: false }
    }

    /// Sets [`hidden_states`](Self::hidden_states).
    #[must_use]
    pub const fn with_hidden_states(self, hidden_states: bool) -> Self {
        Self { hidden_states, ..self }
    }

    /// Sets [`attentions`](Self::attentions).
    #[must_use]
    pub const fn with_attentions(self, attentions: bool) -> Self {
        Self { attentions, ..self }
    }

    /// Sets [`padding`](Self::padding).
    #[must_use]
    pub const fn with_padding(self, padding: bool) -> Self {
        Self { padding, ..self }
    }
}

/// The outputs of the text tower, with the names of the original.
#[derive(Clone, Debug)]
pub struct TextOutput {
    /// The last layer's output: `[texts, tokens, hidden_size]`.
    pub last_hidden_state: Array3<f32>,
    /// `tanh(dense(CLS))`, `[texts, hidden_size]`, if the checkpoint has a pooler.
    pub pooler_output: Option<Array2<f32>>,
    /// If requested, the embeddings and the output of each layer: `[texts, tokens, hidden_size]`.
    pub hidden_states: Option<Vec<Array3<f32>>>,
    /// If requested, the attention weights of each layer: `[texts, heads, tokens, tokens]`.
    pub attentions: Option<Vec<Array4<f32>>>,
}

/// The reason why token ids cannot be embedded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// An array does not have the shape of the token ids.
    #[error("{name}: expected the shape of input_ids, {expected:?}, found {found:?}")]
    Shape {
        /// The name of the array.
        name: &'static str,
        /// The shape of the token ids.
        expected: [usize; 2],
        /// The shape of the array.
        found: [usize; 2],
    },
    /// An id is negative or too large.
    #[error("{name}[{text}, {token}]: expected an id from 0 to {limit}, found {found}", limit = .bound - 1)]
    Id {
        /// The name of the array.
        name: &'static str,
        /// The row.
        text: usize,
        /// The column.
        token: usize,
        /// One more than the largest id.
        bound: usize,
        /// The id that was found.
        found: i64,
    },
    /// A text has no token, or more tokens than there are positions.
    #[error("input_ids: expected 1 to {limit} tokens in a text, found {found}")]
    Length {
        /// The configuration's `max_position_embeddings`.
        limit: usize,
        /// The number of tokens in each text.
        found: usize,
    },
}
