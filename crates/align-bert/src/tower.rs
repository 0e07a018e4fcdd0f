//! The tower: weights in, hidden states out.

use crate::{AlignTextConfig, TextError, TextInput, TextOptions, TextOutput};
use align_tensor::{CheckpointError, Runtime, Weights};
use ndarray::Array2;

/// The BERT tower, its weights packed.
#[derive(Debug)]
pub struct TextTower {
    config: AlignTextConfig,
}

impl TextTower {
    /// Loads the tower from `weights`, rooted at the text model (`embeddings`, `encoder`,
    /// `pooler`).
    ///
    /// # Errors
    /// Where a tensor is missing or has another shape or type than the configuration says.
    pub fn load(
        config: &AlignTextConfig,
        _weights: &Weights<'_>,
        _runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        Ok(Self { config: config.clone() })
    }

    /// The configuration that it was loaded with.
    pub fn config(&self) -> &AlignTextConfig {
        &self.config
    }

    /// Runs the tower on a batch of texts.
    ///
    /// # Errors
    /// Where an id, a shape or a length does not fit the configuration.
    pub fn forward(
        &self,
        _input: &TextInput<'_>,
        _options: TextOptions,
    ) -> Result<TextOutput, TextError> {
        todo!()
    }

    /// The last hidden state of the first token of each text: `[texts, hidden_size]`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn cls(&self, _input: &TextInput<'_>) -> Result<Array2<f32>, TextError> {
        todo!()
    }
}
