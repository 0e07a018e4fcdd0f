//! The demo model inside the program: a small ALIGN that knows pictures of emoji.
//!
//! It goes through the parsers of any checkpoint. Only its bytes come from `align-demo-model` instead of a folder.

use align_demo_model::{CONFIG, PROCESSOR_CONFIG, TOKENIZER, TOKENIZER_CONFIG, WEIGHTS};
use align_model::{
    AlignConfig, Checkpoint, CheckpointError, ConfigError, ImageProcessor, ImageProcessorConfig,
    ProcessorError, Tokenizer,
};
use serde_json::{Map, Value};
use std::str;

/// Shown instead of a path.
pub(crate) const NAME: &str = "the demo model";

/// The files that a fingerprint covers. An index records the image processor's settings one by one instead.
pub(crate) fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    align_demo_model::files().into_iter().filter(|(name, _)| *name != "processor_config.json")
}

pub(crate) fn config() -> Result<AlignConfig, ConfigError> {
    AlignConfig::from_json(str::from_utf8(CONFIG).expect("the demo model's config.json is UTF-8"))
}

pub(crate) fn checkpoint() -> Result<Checkpoint, CheckpointError> {
    Checkpoint::from_bytes(NAME, WEIGHTS)
}

pub(crate) fn image_processor() -> Result<ImageProcessor, ProcessorError> {
    let fields = &object(PROCESSOR_CONFIG)["image_processor"];
    let fields = fields.as_object().expect("the demo model is in the nested layout");
    ImageProcessor::from_config(ImageProcessorConfig::from_json(fields)?)
}

pub(crate) fn tokenizer() -> Result<Tokenizer, ProcessorError> {
    Tokenizer::from_json(TOKENIZER, &object(TOKENIZER_CONFIG))
}

fn object(json: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(json).expect("the demo model's files are JSON objects")
}
