//! Errors of loading and running a model.

use align_bert::TextError;
use align_efficientnet::VisionError;
use align_processor::ProcessorError;
use align_tensor::config::ConfigError;
use align_tensor::{CheckpointError, IsaError, Precision};
use std::path::PathBuf;

/// Why a model cannot be loaded or run.
///
/// An error from another crate of this project is passed on with its own message and source. A
/// message never repeats its source, so a chain of errors names each cause once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The configuration cannot be read or used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The requested instruction set is not available.
    #[error(transparent)]
    Isa(#[from] IsaError),
    /// The text tower refuses its input.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The vision tower refuses its input.
    #[error(transparent)]
    Vision(#[from] VisionError),
    /// The temperature cannot divide the logits.
    #[error("tensor \"temperature\": expected a finite number other than 0, found {found}")]
    Temperature {
        /// The value in the checkpoint.
        found: f32,
    },
    /// The image or text processor cannot be loaded or refuses its input.
    #[error(transparent)]
    Processor(#[from] ProcessorError),
    /// An embedding holds NaN or infinity and would be mistaken for a result.
    #[error("text {text:?}: its embedding is not finite; the model's weights may be damaged")]
    NonFinite {
        /// The text.
        text: String,
    },
    /// A checkpoint cannot be converted to this precision, which has no weights of its own.
    #[error("expected a precision with weights of its own, bf16 or int8, found {precision}")]
    NothingToConvert {
        /// The requested precision.
        precision: Precision,
    },
    /// A checkpoint that was converted before cannot be converted again.
    #[error(
        "{}: has been converted before, to {found}: expected an original checkpoint",
        .folder.display()
    )]
    ConvertedBefore {
        /// The folder of the checkpoint.
        folder: PathBuf,
        /// The precision that it was converted to.
        found: Precision,
    },
    /// A classifier needs at least one label.
    #[error("expected at least one label, found none")]
    NoLabels,
    /// A template does not have exactly one place for the label.
    #[error("template {template:?}: expected one {{}} where the label goes, found {found}")]
    Template {
        /// The template.
        template: String,
        /// The number of places for the label.
        found: usize,
    },
    /// The loss needs pairs: one image for each text.
    #[error(
        "the loss needs equal numbers of texts and images: found {texts} texts and {images} images"
    )]
    UnpairedLoss {
        /// Number of texts.
        texts: usize,
        /// Number of images.
        images: usize,
    },
}
