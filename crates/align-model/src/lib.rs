//! ALIGN, an image-text dual encoder, on the CPU: loading, features, logits, loss and zero-shot
//! classification.
//!
//! - [`AlignModel`]: the whole model; [`AlignTextModel`] and [`AlignVisionModel`]: one tower alone;
//! - [`AlignProcessor`]: images and strings to the model's inputs;
//! - [`text_features`], [`embed_texts`], [`embed_labels`]: strings to features and embeddings;
//! - [`ZeroShotClassifier`]: images classified by labels given as text;
//! - [`similarity`]: unit length, cosines, logits and their softmax;
//! - [`AlignConfig`]: the contents of a `config.json`; [`LoadOptions`]: options of loading;
//! - [`Conversion`]: checkpoints with weights in bf16 or int8;
//! - [`synthetic`]: models made from a seed, without files.
//!
//! Names, shapes and defaults are those of `AlignModel` in transformers. Arrays are those of
//! [`ndarray`], which this crate re-exports.
//!
//! This example computes how probable each of two texts is for an image:
//!
//! ```
//! use align_model::{AlignInput, AlignModel, AlignProcessor, ForwardOptions, TextInput};
//!
//! # let temporary = tempfile::tempdir()?;
//! # let (folder, file) = (temporary.path(), temporary.path().join("cats.png"));
//! # align_testing::checkpoint::write_checkpoint(folder);
//! # align_model::RgbImage::from_pixel(64, 48, [180, 90, 20].into()).save(&file)?;
//! let processor = AlignProcessor::from_pretrained(folder)?;
//! let model = AlignModel::from_pretrained(folder)?;
//!
//! let pixel_values = processor.images(&[processor.image_processor().open(file)?])?;
//! let texts = processor.texts(&["a photo of a cat", "a photo of a dog"])?;
//! let text = TextInput::new(texts.input_ids.view()).with_mask(texts.attention_mask.view());
//!
//! let input = AlignInput { text, pixel_values: pixel_values.view() };
//! let output = model.forward(&input, ForwardOptions::default())?;
//! let probabilities = model.probabilities(output.logits_per_image.view()); // [1, 2]
//! # assert_eq!(probabilities.dim(), (1, 2));
//! # assert!((probabilities.sum() - 1.0).abs() < 1e-6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod config;
mod convert;
mod embed;
mod error;
mod loss;
mod model;
mod options;
mod output;
mod processor;
mod projection;
pub mod similarity;
mod synthetic_source;
mod text_model;
mod vision_model;
mod zero_shot;

pub use config::AlignConfig;
pub use convert::Conversion;
pub use embed::{embed_labels, embed_texts, text_features};
pub use error::ModelError;
pub use model::AlignModel;
pub use options::{ForwardOptions, LoadOptions};
pub use output::{AlignInput, AlignOutput};
pub use processor::AlignProcessor;
pub use similarity::l2_normalize;
pub use text_model::AlignTextModel;
pub use vision_model::AlignVisionModel;
pub use zero_shot::{LabelScore, ZeroShotClassifier};

pub use align_bert::{AlignTextConfig, TextError, TextInput, TextOptions, TextOutput};
pub use align_efficientnet::{
    AlignVisionConfig, ImageSize, PoolingType, VisionError, VisionOptions, VisionOutput,
};
pub use align_processor::{
    Encoding, ImageProcessor, ImageProcessorConfig, Padding, ProcessorError, RgbImage, Tokenizer,
    TokenizerOptions,
};
pub use align_synthetic as synthetic;
pub use align_tensor::config::{ConfigError, ConfigFile};
pub use align_tensor::{
    Checkpoint, CheckpointError, Isa, IsaError, IsaName, Precision, PrecisionError, Profile,
    ReadMode, Runtime, Step, Team, TensorSource, Threads, peak_flops,
};
pub use ndarray;

/// Compiles the Rust blocks of the README as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
