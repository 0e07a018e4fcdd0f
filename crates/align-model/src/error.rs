//! What can go wrong with a model.

use align_bert::TextError;
use align_efficientnet::VisionError;
use align_processor::ProcessorError;
use align_tensor::{CheckpointError, IsaError, Precision, config::ConfigError};
use std::path::PathBuf;

/// Why a model cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The configuration cannot be read or used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The instruction set asked for cannot be had.
    #[error(transparent)]
    Isa(#[from] IsaError),
    /// The text tower refuses its input.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The vision tower refuses its input.
    #[error(transparent)]
    Vision(#[from] VisionError),
    /// Logits are divided by the temperature, which must allow it.
    #[error("tensor \"temperature\": expected a finite number other than 0, found {found}")]
    Temperature {
        /// The value in the checkpoint.
        found: f32,
    },
    /// The image or text processor cannot be loaded or refuses its input.
    #[error(transparent)]
    Processor(#[from] ProcessorError),
    /// An embedding holds NaN or infinity, which would pass for a result further on.
    #[error("text {text:?}: the model gives no finite embedding; its weights may be damaged")]
    NonFinite {
        /// The text.
        text: String,
    },
    /// A checkpoint is converted to fewer bits.
    #[error("expected a precision with weights of its own, bf16 or int8, found {precision}")]
    NothingToConvert {
        /// The precision asked for.
        precision: Precision,
    },
    /// A checkpoint is converted from its original.
    #[error("{}: has been converted before, to {found}: expected an original checkpoint", .folder.display())]
    ConvertedBefore {
        /// The folder.
        folder: PathBuf,
        /// What it was converted for.
        found: Precision,
    },
    /// Classification needs something to choose from.
    #[error("expected at least one label, found none")]
    NoLabels,
    /// A template does not say where the label goes.
    #[error("template {template:?}: expected one {{}} where the label goes, found {found}")]
    Template {
        /// The template.
        template: String,
        /// How many places there are.
        found: usize,
    },
    /// The loss pairs every text with one image.
    #[error("the loss needs as many texts as images: found {texts} texts and {images} images")]
    UnpairedLoss {
        /// Number of texts.
        texts: usize,
        /// Number of images.
        images: usize,
    },
}
