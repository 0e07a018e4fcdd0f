//! Images and strings to the model's inputs.

use align_processor::{
    Encoding, ImageProcessor, ProcessorError, RgbImage, Tokenizer, TokenizerOptions,
};
use ndarray::Array4;
use std::path::Path;

/// An image processor and a tokenizer.
///
/// Defaults are those of `AlignProcessor` in transformers: texts are padded to 64 tokens, and a
/// longer text is an error unless truncation is requested.
#[derive(Clone, Debug)]
pub struct AlignProcessor {
    image_processor: ImageProcessor,
    tokenizer: Tokenizer,
    tokenizer_options: TokenizerOptions,
}

impl AlignProcessor {
    /// Joins an image processor and a tokenizer, with the default [`TokenizerOptions`].
    pub fn new(image_processor: ImageProcessor, tokenizer: Tokenizer) -> Self {
        Self { image_processor, tokenizer, tokenizer_options: TokenizerOptions::default() }
    }

    /// Loads both from a checkpoint folder.
    ///
    /// # Errors
    /// If a file is missing or damaged.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self, ProcessorError> {
        let image_processor = ImageProcessor::from_pretrained(&folder)?;
        Ok(Self::new(image_processor, Tokenizer::from_pretrained(folder)?))
    }

    /// Sets padding and truncation of texts.
    #[must_use]
    pub fn with_tokenizer_options(self, tokenizer_options: TokenizerOptions) -> Self {
        Self { tokenizer_options, ..self }
    }

    /// The image processor.
    pub fn image_processor(&self) -> &ImageProcessor {
        &self.image_processor
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Padding and truncation of texts.
    pub fn tokenizer_options(&self) -> &TokenizerOptions {
        &self.tokenizer_options
    }

    /// Pixel values of images, `[N, 3, H, W]`.
    ///
    /// # Errors
    /// As [`ImageProcessor::preprocess_batch`].
    pub fn images(&self, images: &[RgbImage]) -> Result<Array4<f32>, ProcessorError> {
        self.image_processor.preprocess_batch(images)
    }

    /// Token ids, mask and token types of texts, each `[n, T]`.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn texts(&self, texts: &[impl AsRef<str>]) -> Result<Encoding, ProcessorError> {
        self.tokenizer.encode(texts, &self.tokenizer_options)
    }

    /// Checks whether [`texts`](Self::texts) accepts every text, without keeping token ids.
    ///
    /// # Errors
    /// As [`texts`](Self::texts), for the first text that is refused.
    pub fn check_texts(&self, texts: &[impl AsRef<str>]) -> Result<(), ProcessorError> {
        self.tokenizer.encode_ragged(texts, &self.tokenizer_options).map(drop)
    }
}
