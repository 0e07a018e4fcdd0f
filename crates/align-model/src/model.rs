//! The whole model.

use crate::loss::contrastive_loss;
use crate::projection::{Projection, cosines};
use crate::rows::l2_normalize;
use crate::{
    AlignConfig, AlignInput, AlignOutput, AlignTextModel, AlignVisionModel, ForwardOptions,
    LoadOptions, ModelError,
};
use align_bert::TextInput;
use align_tensor::{Checkpoint, Precision, Profile, Runtime, TensorSource, Weights, softmax_rows};
use ndarray::{Array2, ArrayView2, ArrayView4, Axis};
use std::path::Path;

/// ALIGN: a vision tower, a text tower with a projection, and a temperature.
///
/// An embedding has the same bits in any batch, with any padding and on any number of threads.
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
    /// Where the configuration or a tensor is missing, damaged or of the wrong shape.
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

    /// Loads from any source of tensors.
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
    /// Where a tower refuses its input, or the loss is asked for and the numbers of texts and
    /// images differ.
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
        let logits_per_text = self.logits(text_embeds.view(), image_embeds.view());
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

    /// Features of texts: the projection of the first token's last hidden state, not normalised,
    /// `[n, projection_dim]`. Padding costs nothing.
    ///
    /// # Errors
    /// Where the text tower refuses its input.
    pub fn get_text_features(&self, text: &TextInput<'_>) -> Result<Array2<f32>, ModelError> {
        self.text_features_profiled(text, &mut Profile::off())
    }

    /// [`get_text_features`](Self::get_text_features), every step recorded in `profile`.
    ///
    /// # Errors
    /// As [`get_text_features`](Self::get_text_features).
    pub fn text_features_profiled(
        &self,
        text: &TextInput<'_>,
        profile: &mut Profile,
    ) -> Result<Array2<f32>, ModelError> {
        let cls = self.text_model.cls_profiled(text, profile)?;
        let flops = 2 * cls.len() * self.config.projection_dim;
        let project = || self.text_projection.forward(cls.view());
        Ok(profile.time(|| "text_projection".to_owned(), flops, project))
    }

    /// Features of images `[N, C, H, W]`: the pooled output of the vision tower, not normalised,
    /// `[N, projection_dim]`.
    ///
    /// # Errors
    /// Where the vision tower refuses its input.
    pub fn get_image_features(
        &self,
        pixel_values: ArrayView4<'_, f32>,
    ) -> Result<Array2<f32>, ModelError> {
        self.vision_model.features(pixel_values)
    }

    /// Cosine over temperature of each row of `a [m, projection_dim]` with each of
    /// `b [n, projection_dim]`, both of unit length: `[m, n]`.
    pub(crate) fn logits(&self, a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Array2<f32> {
        cosines(&self.runtime, a, b) / self.temperature
    }

    /// The softmax of each row: of `logits_per_image [N, n]`, how probable each text is for an
    /// image.
    pub fn probabilities(&self, logits: ArrayView2<'_, f32>) -> Array2<f32> {
        let (rows, width) = logits.dim();
        let mut probabilities = logits.iter().copied().collect::<Vec<_>>();
        if width > 0 {
            softmax_rows(self.runtime.isa, &mut probabilities, width);
        }
        Array2::from_shape_vec((rows, width), probabilities).expect("as many as there were logits")
    }

    /// What cosines are divided by.
    pub fn temperature(&self) -> f32 {
        self.temperature
    }

    /// The precision that it computes with.
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
