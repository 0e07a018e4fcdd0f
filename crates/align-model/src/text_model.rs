//! The text tower alone.

use crate::error::ModelError;
use crate::options::LoadOptions;
use align_bert::{AlignTextConfig, TextInput, TextOptions, TextOutput, TextTower};
use align_tensor::{Checkpoint, Runtime, TensorSource, Weights};
use ndarray::Array2;
use std::fmt;
use std::path::Path;

/// The text tower of ALIGN alone.
///
/// It is loaded from the checkpoint of a whole model, of which it reads only its own part, or from
/// a checkpoint of the tower.
pub struct AlignTextModel {
    tower: TextTower,
}

impl AlignTextModel {
    /// Loads from a checkpoint folder with the default [`LoadOptions`].
    ///
    /// # Errors
    /// If the configuration or a tensor is missing, damaged or of the wrong shape, or the
    /// instruction set in `ALIGN_ISA` is not available.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::from_pretrained_with(folder, &LoadOptions::new()?)
    }

    /// Loads from a checkpoint folder.
    ///
    /// # Errors
    /// As [`from_pretrained`](Self::from_pretrained).
    pub fn from_pretrained_with(
        folder: impl AsRef<Path>,
        options: &LoadOptions,
    ) -> Result<Self, ModelError> {
        let config = AlignTextConfig::from_pretrained(&folder)?;
        let checkpoint = Checkpoint::open(&folder, options.read_mode)?;
        Self::from_source(&config, &checkpoint, &options.runtime)
    }

    /// Loads from any source of tensors, named with or without the prefix `text_model.`.
    ///
    /// # Errors
    /// As [`from_pretrained`](Self::from_pretrained).
    pub fn from_source(
        config: &AlignTextConfig,
        source: &dyn TensorSource,
        runtime: &Runtime,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        let runtime = &runtime.for_source(source)?;
        let weights = Weights::new(source);
        let joined = weights.sub("text_model");
        let weights =
            if joined.contains("embeddings.word_embeddings.weight") { joined } else { weights };
        Ok(Self { tower: TextTower::load(config, &weights, runtime)? })
    }

    /// Runs the tower on token ids `[n, T]`.
    ///
    /// # Errors
    /// If the shapes disagree, a text is empty or too long, or an id is out of range.
    pub fn forward(
        &self,
        input: &TextInput<'_>,
        options: TextOptions,
    ) -> Result<TextOutput, ModelError> {
        Ok(self.tower.forward(input, options)?)
    }

    /// The last hidden state of the first token: `[n, hidden_size]`.
    ///
    /// It has the same bits as in [`forward`](Self::forward), and costs less: the last layer runs
    /// for first tokens only.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn cls(&self, input: &TextInput<'_>) -> Result<Array2<f32>, ModelError> {
        Ok(self.tower.cls(input)?)
    }

    /// The configuration.
    pub fn config(&self) -> &AlignTextConfig {
        self.tower.config()
    }
}

impl fmt::Debug for AlignTextModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlignTextModel").field("config", self.config()).finish_non_exhaustive()
    }
}
