//! What turns images and strings into the model's inputs.

use crate::rows::l2_normalize;
use crate::{AlignModel, ModelError};
use align_bert::TextInput;
use align_processor::{Encoding, ImageProcessor, ProcessorError, RgbImage, TextOptions, Tokenizer};
use ndarray::{Array2, Array4, Axis};
use std::path::Path;

/// Texts that run through the model together: enough to share the reading of the weights, few
/// enough to bound memory.
pub(crate) const TEXT_BATCH: usize = 64;

/// An image processor and a tokenizer, with the defaults of `AlignProcessor` in transformers:
/// texts are padded to 64 tokens, and a longer one is an error unless truncation is asked for.
#[derive(Clone, Debug)]
pub struct AlignProcessor {
    image_processor: ImageProcessor,
    tokenizer: Tokenizer,
    text_options: TextOptions,
}

impl AlignProcessor {
    /// Joins the two.
    pub fn new(image_processor: ImageProcessor, tokenizer: Tokenizer) -> Self {
        Self { image_processor, tokenizer, text_options: TextOptions::default() }
    }

    /// Loads both from a checkpoint folder.
    ///
    /// # Errors
    /// Where a file is missing or damaged.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self, ProcessorError> {
        let image_processor = ImageProcessor::from_pretrained(&folder)?;
        Ok(Self::new(image_processor, Tokenizer::from_pretrained(folder)?))
    }

    /// The same with other padding and truncation.
    #[must_use]
    pub fn with_text_options(self, text_options: TextOptions) -> Self {
        Self { text_options, ..self }
    }

    /// The part for images.
    pub fn image_processor(&self) -> &ImageProcessor {
        &self.image_processor
    }

    /// The part for texts.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Pixel values of images, `[N, 3, H, W]`.
    ///
    /// # Errors
    /// As [`ImageProcessor::preprocess_batch`].
    pub fn images(&self, images: &[RgbImage]) -> Result<Array4<f32>, ProcessorError> {
        self.image_processor.preprocess_batch(images)
    }

    /// Token ids and mask of texts, `[n, T]`.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn texts(&self, texts: &[impl AsRef<str>]) -> Result<Encoding, ProcessorError> {
        self.tokenizer.encode(texts, &self.text_options)
    }

    /// Finds out whether every text is one that [`texts`](Self::texts) takes.
    ///
    /// # Errors
    /// As [`texts`](Self::texts), for the first text that it refuses.
    pub fn check_texts(&self, texts: &[impl AsRef<str>]) -> Result<(), ProcessorError> {
        self.tokenizer.encode_ragged(texts, &self.text_options).map(drop)
    }

    /// Features of any number of texts, not normalised: `[n, projection_dim]`.
    ///
    /// # Errors
    /// Where a text is too long, the tokenizer knows tokens that the model does not, or features
    /// come out that are not finite.
    pub fn text_features(
        &self,
        model: &AlignModel,
        texts: &[impl AsRef<str>],
    ) -> Result<Array2<f32>, ModelError> {
        let mut features = Array2::zeros((texts.len(), model.config().projection_dim));
        let batches = features.axis_chunks_iter_mut(Axis(0), TEXT_BATCH);
        for (batch, (texts, mut features)) in texts.chunks(TEXT_BATCH).zip(batches).enumerate() {
            let encoding =
                self.texts(texts).map_err(|error| renumbered(error, batch * TEXT_BATCH))?;
            let input =
                TextInput::new(encoding.input_ids.view()).with_mask(encoding.attention_mask.view());
            features.assign(&model.get_text_features(&input)?);
        }
        for (text, features) in texts.iter().zip(features.rows()) {
            if !features.iter().all(|x| x.is_finite()) {
                return Err(ModelError::NonFinite { text: text.as_ref().to_owned() });
            }
        }
        Ok(features)
    }

    /// Embeddings of any number of texts, of unit length: `[n, projection_dim]`.
    ///
    /// # Errors
    /// As [`text_features`](Self::text_features).
    pub fn embed_texts(
        &self,
        model: &AlignModel,
        texts: &[impl AsRef<str>],
    ) -> Result<Array2<f32>, ModelError> {
        Ok(l2_normalize(self.text_features(model, texts)?))
    }
}

/// The same error, its text counted from the first of all batches.
fn renumbered(error: ProcessorError, first: usize) -> ProcessorError {
    match error {
        ProcessorError::TextTooLong { index, text, tokens, limit, limit_name } => {
            let index = first + index;
            ProcessorError::TextTooLong { index, text, tokens, limit, limit_name }
        }
        ProcessorError::Tokenize { index, text, message } => {
            ProcessorError::Tokenize { index: first + index, text, message }
        }
        other => other,
    }
}
