//! How a model is loaded and what a forward returns.

use align_bert::TextOptions;
use align_efficientnet::VisionOptions;
use align_tensor::{IsaError, ReadMode, Runtime};

/// How a model is loaded.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// What the model computes with.
    pub runtime: Runtime,
    /// How the weights are read: mapped by default; read where mapping is unwise, as on a network
    /// disk.
    pub read_mode: ReadMode,
}

impl LoadOptions {
    /// The runtime of [`Runtime::new`], the weights mapped.
    ///
    /// # Errors
    /// As [`Runtime::new`].
    pub fn new() -> Result<Self, IsaError> {
        Ok(Self { runtime: Runtime::new()?, read_mode: ReadMode::Mmap })
    }
}

/// What a forward of the whole model returns beside the embeddings and logits. Default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwardOptions {
    /// The contrastive loss; needs as many texts as images.
    pub return_loss: bool,
    /// The hidden states of both towers.
    pub hidden_states: bool,
    /// The attention weights of the text tower.
    pub attentions: bool,
    /// Values in the rows of masked tokens, as the original computes them; else those are zero.
    /// They never bear on embeddings or logits.
    pub padding: bool,
}

impl ForwardOptions {
    pub(crate) fn text(self) -> TextOptions {
        TextOptions {
            hidden_states: self.hidden_states,
            attentions: self.attentions,
            padding: self.padding,
        }
    }

    pub(crate) fn vision(self) -> VisionOptions {
        VisionOptions { hidden_states: self.hidden_states }
    }
}
