//! The whole model.

use crate::config::AlignConfig;
use crate::error::ModelError;
use crate::loss::contrastive_loss;
use crate::options::{ForwardOptions, LoadOptions};
use crate::output::{AlignInput, AlignOutput};
use crate::projection::Projection;
use crate::similarity::{l2_normalize, logits, softmax};
use crate::text_model::AlignTextModel;
use crate::vision_model::AlignVisionModel;
use align_bert::TextInput;
use align_tensor::{Checkpoint, Precision, Profile, Runtime, TensorSource, Weights};
use ndarray::{Array2, ArrayView2, ArrayView4, Axis};
use std::fmt;
use std::path::Path;

/// ALIGN: a vision tower, a text tower with a projection, and a temperature.
///
/// An embedding has the same bits in any batch, with any padding and on any number of threads.
///
/// ```
/// use align_model::synthetic::{self, SyntheticModel};
/// use align_model::ndarray::{Array2, Array4};
/// use align_model::{AlignModel, Runtime, TextInput};
///
/// let model = AlignModel::synthetic(SyntheticModel::Tiny, 0, &Runtime::new()?)?;
/// let pixels = Array4::from_shape_vec((1, 3, 33, 33), synthetic::image(1, 0, 3, 33))?;
/// assert_eq!(model.get_image_features(pixels.view())?.dim(), (1, 160));
/// let ids = Array2::from_shape_vec((1, 4), synthetic::caption(1, 0, 4, 4096))?;
/// assert_eq!(model.get_text_features(&TextInput::new(ids.view()))?.dim(), (1, 160));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AlignModel {
    config: AlignConfig,
    text_model: AlignTextModel,
    vision_model: AlignVisionModel,
    text_projection: Projection,
    temperature: f32,
    runtime: Runtime,
}

impl AlignModel {
    /// Loads from a checkpoint folder with the default [`LoadOptions`].
    ///
    /// # Errors
    /// If the configuration or a tensor is missing, damaged or of the wrong shape, the temperature
    /// cannot divide, or the instruction set in `ALIGN_ISA` is not available.
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
        let config = AlignConfig::from_pretrained(&folder)?;
        let checkpoint = Checkpoint::open(&folder, options.read_mode)?;
        Self::from_source(config, &checkpoint, &options.runtime)
    }

    /// Loads from any source of tensors, named as in a checkpoint of a whole model.
    ///
    /// # Errors
    /// As [`from_pretrained`](Self::from_pretrained).
    pub fn from_source(
        config: AlignConfig,
        source: &dyn TensorSource,
        runtime: &Runtime,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        let runtime = &runtime.for_source(source)?;
        let temperature = source.tensor("temperature", &[])?[0];
        if !temperature.is_finite() || temperature == 0.0 {
            return Err(ModelError::Temperature { found: temperature });
        }
        Ok(Self {
            text_model: AlignTextModel::from_source(&config.text_config, source, runtime)?,
            vision_model: AlignVisionModel::from_source(&config.vision_config, source, runtime)?,
            text_projection: Projection::load(
                &Weights::new(source).sub("text_projection"),
                config.text_config.hidden_size,
                config.projection_dim,
                runtime,
            )?,
            temperature,
            runtime: runtime.clone(),
            config,
        })
    }

    /// Embeds texts and images and compares each text with each image.
    ///
    /// # Errors
    /// If a tower refuses its input, or the loss is requested and the numbers of texts and images
    /// differ.
    pub fn forward(
        &self,
        input: &AlignInput<'_>,
        options: ForwardOptions,
    ) -> Result<AlignOutput, ModelError> {
        let (texts, images) = (input.text.input_ids.nrows(), input.pixel_values.dim().0);
        if options.return_loss && texts != images {
            return Err(ModelError::UnpairedLoss { texts, images });
        }
        let vision_model_output =
            self.vision_model.forward(input.pixel_values, options.vision())?;
        let text_model_output = self.text_model.forward(&input.text, options.text())?;
        let cls = text_model_output.last_hidden_state.index_axis(Axis(1), 0);
        let text_embeds = l2_normalize(self.text_projection.forward(cls));
        let image_embeds = l2_normalize(vision_model_output.pooler_output.clone());
        let logits_per_text =
            logits(&self.runtime, text_embeds.view(), image_embeds.view(), self.temperature);
        Ok(AlignOutput {
            loss: options.return_loss.then(|| contrastive_loss(logits_per_text.view())),
            logits_per_image: logits_per_text.t().as_standard_layout().into_owned(),
            logits_per_text,
            text_embeds,
            image_embeds,
            text_model_output,
            vision_model_output,
        })
    }

    /// Features of texts, not normalised: `[n, projection_dim]`.
    ///
    /// They are the projection of the first token's last hidden state. Padding costs nothing.
    ///
    /// # Errors
    /// If the text tower refuses its input.
    pub fn get_text_features(&self, text: &TextInput<'_>) -> Result<Array2<f32>, ModelError> {
        let cls = self.text_model.cls(text)?;
        let profile = Profile::current();
        let step = profile.step("text_projection", 2 * cls.len() * self.config.projection_dim);
        let features = self.text_projection.forward(cls.view());
        step.finish();
        Ok(features)
    }

    /// Features of images `[N, C, H, W]`, not normalised: `[N, projection_dim]`.
    ///
    /// They are the pooled output of the vision tower.
    ///
    /// # Errors
    /// If the vision tower refuses its input.
    pub fn get_image_features(
        &self,
        pixel_values: ArrayView4<'_, f32>,
    ) -> Result<Array2<f32>, ModelError> {
        self.vision_model.features(pixel_values)
    }

    /// The [`softmax`] of each row of logits `[N, n]`: `[N, n]`.
    ///
    /// Of `logits_per_image`, it is the probability of each text for an image.
    pub fn probabilities(&self, logits: ArrayView2<'_, f32>) -> Array2<f32> {
        softmax(self.runtime.isa, logits)
    }

    /// The temperature: the divisor of cosines in logits. It is finite and not 0.
    pub fn temperature(&self) -> f32 {
        self.temperature
    }

    /// Instruction set, threads and precision that the model computes with.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The precision of the matrix products.
    pub fn precision(&self) -> Precision {
        self.runtime.precision()
    }

    /// The configuration.
    pub fn config(&self) -> &AlignConfig {
        &self.config
    }

    /// The text tower.
    pub fn text_model(&self) -> &AlignTextModel {
        &self.text_model
    }

    /// The vision tower.
    pub fn vision_model(&self) -> &AlignVisionModel {
        &self.vision_model
    }
}

impl fmt::Debug for AlignModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlignModel")
            .field("config", &self.config)
            .field("temperature", &self.temperature)
            .field("runtime", &self.runtime)
            .finish_non_exhaustive()
    }
}
