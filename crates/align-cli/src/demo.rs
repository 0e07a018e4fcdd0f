//! The demo model inside the program: a small ALIGN that knows pictures of emoji.
//!
//! It goes through the parsers of any checkpoint; only its bytes come from the program instead of
//! a folder.

use align_model::{
    AlignConfig, Checkpoint, CheckpointError, ConfigError, ImageProcessor, ImageProcessorConfig,
    ProcessorError, Tokenizer,
};
use serde_json::{Map, Value};

/// What stands for its path.
pub(crate) const NAME: &str = "the demo model";

const CONFIG: &str = include_str!("../../../fixtures/demo-model/config.json");
const WEIGHTS: &[u8] = include_bytes!("../../../fixtures/demo-model/model.safetensors");
const PROCESSOR: &str = include_str!("../../../fixtures/demo-model/processor_config.json");
const TOKENIZER: &[u8] = include_bytes!("../../../fixtures/demo-model/tokenizer.json");
const TOKENIZER_CONFIG: &str = include_str!("../../../fixtures/demo-model/tokenizer_config.json");

/// The files of its folder that bear on embeddings.
pub(crate) fn files() -> [(&'static str, &'static [u8]); 4] {
    [
        ("config.json", CONFIG.as_bytes()),
        ("model.safetensors", WEIGHTS),
        ("tokenizer.json", TOKENIZER),
        ("tokenizer_config.json", TOKENIZER_CONFIG.as_bytes()),
    ]
}

pub(crate) fn config() -> Result<AlignConfig, ConfigError> {
    AlignConfig::from_json(CONFIG)
}

pub(crate) fn checkpoint() -> Result<Checkpoint, CheckpointError> {
    Checkpoint::from_bytes(NAME, WEIGHTS)
}

pub(crate) fn image_processor() -> Result<ImageProcessor, ProcessorError> {
    let fields = &object(PROCESSOR)["image_processor"];
    let fields = fields.as_object().expect("the demo model is in the nested layout");
    ImageProcessor::from_config(ImageProcessorConfig::from_json(fields)?)
}

pub(crate) fn tokenizer() -> Result<Tokenizer, ProcessorError> {
    Tokenizer::from_json(TOKENIZER, &object(TOKENIZER_CONFIG))
}

fn object(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).expect("the demo model's files are JSON objects")
}
