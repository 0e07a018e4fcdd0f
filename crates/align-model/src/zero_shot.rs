//! Zero-shot classification: images classified by labels given as text.

use crate::embed::embed_labels;
use crate::error::ModelError;
use crate::model::AlignModel;
use crate::processor::AlignProcessor;
use crate::similarity::{l2_normalize, logits, softmax};
use align_tensor::Runtime;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayView4};
use std::fmt;

/// Classifies images by labels given as text.
///
/// The labels are embedded once, by [`embed_labels`], which also explains templates.
///
/// ```
/// use align_model::{AlignModel, AlignProcessor, ZeroShotClassifier};
///
/// # let temporary = tempfile::tempdir()?;
/// # let folder = temporary.path();
/// # align_testing::checkpoint::write_checkpoint(folder);
/// # let image = align_model::RgbImage::from_pixel(64, 48, [180, 90, 20].into());
/// let processor = AlignProcessor::from_pretrained(folder)?;
/// let model = AlignModel::from_pretrained(folder)?;
/// let labels = vec!["cat".to_owned(), "dog".to_owned()];
/// let classifier = ZeroShotClassifier::new(&model, &processor, labels, &["a photo of a {}"])?;
///
/// let scores = classifier.classify(&model, processor.images(&[image])?.view())?;
/// let best = scores[0][0];
/// println!("{}: {:.1} %", classifier.labels()[best.label], 100.0 * best.probability);
/// # assert!(best.probability >= 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ZeroShotClassifier {
    labels: Vec<String>,
    /// `[labels, projection_dim]`, of unit length.
    embeds: Array2<f32>,
    temperature: f32,
    runtime: Runtime,
}

/// The score of one label for one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelScore {
    /// Index of the label.
    pub label: usize,
    /// Cosine divided by the temperature.
    pub logit: f32,
    /// Softmax of the logits of all labels: 0 to 1.
    pub probability: f32,
}

impl ZeroShotClassifier {
    /// Embeds the labels.
    ///
    /// # Errors
    /// As [`embed_labels`], or if there is no label.
    pub fn new(
        model: &AlignModel,
        processor: &AlignProcessor,
        labels: Vec<String>,
        templates: &[impl AsRef<str>],
    ) -> Result<Self, ModelError> {
        let embeds = embed_labels(model, processor, &labels, templates)?;
        Self::from_embeds(model, labels, embeds)
    }

    /// A classifier of labels that are embedded already.
    ///
    /// `embeds [labels, projection_dim]` are embeddings of `model`, of unit length, as
    /// [`embed_labels`] returns them.
    ///
    /// # Errors
    /// If there is no label.
    ///
    /// # Panics
    /// If `embeds` does not have one row of the model's width for each label.
    pub fn from_embeds(
        model: &AlignModel,
        labels: Vec<String>,
        embeds: Array2<f32>,
    ) -> Result<Self, ModelError> {
        let expected = (labels.len(), model.config().projection_dim);
        assert_eq!(embeds.dim(), expected, "an embedding for each label");
        if labels.is_empty() {
            return Err(ModelError::NoLabels);
        }
        let (temperature, runtime) = (model.temperature(), model.runtime().clone());
        Ok(Self { labels, embeds, temperature, runtime })
    }

    /// The labels, in the order of [`LabelScore::label`].
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Scores of every label for each of the images `[N, C, H, W]`, most probable label first.
    ///
    /// `model` is the one that embedded the labels.
    ///
    /// # Errors
    /// If the vision tower refuses its input.
    ///
    /// # Panics
    /// If the model's embeddings do not have the width of the labels' embeddings.
    pub fn classify(
        &self,
        model: &AlignModel,
        pixel_values: ArrayView4<'_, f32>,
    ) -> Result<Vec<Vec<LabelScore>>, ModelError> {
        let features = model.get_image_features(pixel_values)?;
        Ok(self.classify_embeds(l2_normalize(features).view()))
    }

    /// Scores of every label for each of the image embeddings `[N, projection_dim]`, of unit
    /// length, most probable label first.
    ///
    /// # Panics
    /// If the embeddings do not have the width of the labels' embeddings.
    pub fn classify_embeds(&self, image_embeds: ArrayView2<'_, f32>) -> Vec<Vec<LabelScore>> {
        let logits = logits(&self.runtime, image_embeds, self.embeds.view(), self.temperature);
        let probabilities = softmax(self.runtime.isa, logits.view());
        let ranked = |(logits, probabilities): (ArrayView1<'_, f32>, ArrayView1<'_, f32>)| {
            let mut scores: Vec<_> = logits
                .iter()
                .zip(probabilities)
                .enumerate()
                .map(|(label, (&logit, &probability))| LabelScore { label, logit, probability })
                .collect();
            scores.sort_by(|a, b| b.logit.total_cmp(&a.logit));
            scores
        };
        logits.rows().into_iter().zip(probabilities.rows()).map(ranked).collect()
    }
}

impl fmt::Debug for ZeroShotClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZeroShotClassifier")
            .field("labels", &self.labels)
            .field("temperature", &self.temperature)
            .field("runtime", &self.runtime)
            .finish_non_exhaustive()
    }
}
