//! ALIGN, an image-text dual encoder: loading, features, logits, loss and zero-shot
//! classification.

#![forbid(unsafe_code)]

mod config;
mod error;
mod loss;
mod model;
mod options;
mod output;
mod processor;
mod projection;
mod rows;
pub mod synthetic;
mod synthetic_source;
mod text_model;
mod vision_model;
mod zero_shot;

pub use config::AlignConfig;
pub use error::ModelError;
pub use model::AlignModel;
pub use options::{ForwardOptions, LoadOptions};
pub use output::{AlignInput, AlignOutput};
pub use processor::AlignProcessor;
pub use rows::l2_normalize;
pub use text_model::AlignTextModel;
pub use vision_model::AlignVisionModel;
pub use zero_shot::{LabelScore, ZeroShotClassifier};

pub use align_bert::{AlignTextConfig, TextError, TextInput, TextOptions, TextOutput};
pub use align_efficientnet::{
    AlignVisionConfig, ImageSize, PoolingType, VisionError, VisionOptions, VisionOutput,
};
pub use align_processor::{
    Encoding, ImageProcessor, Padding, ProcessorError, RgbImage, TextOptions as TokenizerOptions,
    Tokenizer,
};
pub use align_tensor::config::{ConfigError, ConfigFile};
pub use align_tensor::{
    Checkpoint, CheckpointError, Isa, IsaError, IsaName, Precision, PrecisionError, ReadMode,
    Runtime, TensorSource, Threads,
};
