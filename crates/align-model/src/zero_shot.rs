//! Classification of images by labels that are only named.

use crate::l2_normalize;
use crate::processor::TEXT_BATCH;
use crate::{AlignModel, AlignProcessor, ModelError};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayView4, Axis};

/// Where a template has the label.
const PLACEHOLDER: &str = "{}";

/// Sorts images under labels given as text. The labels are embedded once.
///
/// With templates, such as `a photo of a {}`, a label's embedding is the mean over the templates
/// of the filled-in texts' unit embeddings, brought to unit length again; without, it is that of
/// the label as it stands.
///
/// ```
/// use align_model::{AlignModel, AlignProcessor, ZeroShotClassifier};
///
/// # mod checkpoint { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/checkpoint.rs")); }
/// # let temporary = tempfile::tempdir()?;
/// # let folder = temporary.path();
/// # checkpoint::write_checkpoint(folder);
/// # let image = align_model::RgbImage::from_pixel(64, 48, [180, 90, 20].into());
/// let processor = AlignProcessor::from_pretrained(folder)?;
/// let model = AlignModel::from_pretrained(folder)?;
/// let labels = vec!["cat".to_owned(), "dog".to_owned()];
/// let classifier = ZeroShotClassifier::new(&model, &processor, labels, &["a photo of a {}"])?;
///
/// let best = classifier.classify(processor.images(&[image])?.view())?[0][0];
/// println!("{}: {:.1} %", classifier.labels()[best.label], 100.0 * best.probability);
/// # assert!(best.probability >= 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ZeroShotClassifier<'m> {
    model: &'m AlignModel,
    labels: Vec<String>,
    /// `[labels, projection_dim]`, of unit length.
    embeds: Array2<f32>,
}

/// How well a label fits an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelScore {
    /// Index of the label.
    pub label: usize,
    /// Cosine over temperature.
    pub logit: f32,
    /// Softmax of the logits of all labels.
    pub probability: f32,
}

impl<'m> ZeroShotClassifier<'m> {
    /// Embeds the labels.
    ///
    /// # Errors
    /// As [`embed_labels`], and where there is no label.
    pub fn new(
        model: &'m AlignModel,
        processor: &AlignProcessor,
        labels: Vec<String>,
        templates: &[impl AsRef<str>],
    ) -> Result<Self, ModelError> {
        let embeds = embed_labels(model, processor, &labels, templates)?;
        Self::from_embeds(model, labels, embeds)
    }

    /// Takes labels that are embedded already: `embeds [labels, projection_dim]`, of unit length,
    /// as [`embed_labels`] gives them.
    ///
    /// # Errors
    /// Where there is no label.
    ///
    /// # Panics
    /// Where there is not an embedding of the model's width for each label.
    pub fn from_embeds(
        model: &'m AlignModel,
        labels: Vec<String>,
        embeds: Array2<f32>,
    ) -> Result<Self, ModelError> {
        let expected = (labels.len(), model.config().projection_dim);
        assert_eq!(embeds.dim(), expected, "an embedding for each label");
        if labels.is_empty() {
            Err(ModelError::NoLabels)
        } else {
            Ok(Self { model, labels, embeds })
        }
    }

    /// The labels, as given.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Scores every label for each of the images `[N, C, H, W]`, the most probable first.
    ///
    /// # Errors
    /// Where the vision tower refuses its input.
    pub fn classify(
        &self,
        pixel_values: ArrayView4<'_, f32>,
    ) -> Result<Vec<Vec<LabelScore>>, ModelError> {
        let features = self.model.get_image_features(pixel_values)?;
        Ok(self.classify_embeds(l2_normalize(features).view()))
    }

    /// Scores every label for each of the image embeddings `[N, projection_dim]`, of unit length,
    /// the most probable first.
    pub fn classify_embeds(&self, image_embeds: ArrayView2<'_, f32>) -> Vec<Vec<LabelScore>> {
        let logits = self.model.logits(image_embeds, self.embeds.view());
        let probabilities = self.model.probabilities(logits.view());
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

/// The embeddings of labels, `[labels, projection_dim]`, of unit length: with templates, the mean
/// over these of the filled-in texts' unit embeddings, brought to unit length again; without,
/// those of the labels as they stand. Labels may be embedded in parts: each by itself gives the
/// same.
///
/// # Errors
/// Where a template has not exactly one `{}`, or a text is too long.
pub fn embed_labels(
    model: &AlignModel,
    processor: &AlignProcessor,
    labels: &[String],
    templates: &[impl AsRef<str>],
) -> Result<Array2<f32>, ModelError> {
    let templates: Vec<&str> = templates.iter().map(AsRef::as_ref).collect();
    for template in &templates {
        let found = template.matches(PLACEHOLDER).count();
        if found != 1 {
            return Err(ModelError::Template { template: (*template).to_owned(), found });
        }
    }
    match templates.as_slice() {
        [] => processor.embed_texts(model, labels),
        templates => embed_templates(model, processor, labels, templates),
    }
}

/// The unit mean of each label's texts: `[labels, projection_dim]`.
fn embed_templates(
    model: &AlignModel,
    processor: &AlignProcessor,
    labels: &[String],
    templates: &[&str],
) -> Result<Array2<f32>, ModelError> {
    // Several labels at a time where there are few templates; never all labels times all
    // templates, which would not be bounded.
    let step = TEXT_BATCH.div_ceil(templates.len());
    let width = model.config().projection_dim;
    let mut embeds = Array2::zeros((labels.len(), width));
    for (labels, mut embeds) in labels.chunks(step).zip(embeds.axis_chunks_iter_mut(Axis(0), step))
    {
        let texts: Vec<String> = labels
            .iter()
            .flat_map(|label| templates.iter().map(move |t| t.replace(PLACEHOLDER, label)))
            .collect();
        let of_texts = processor.embed_texts(model, &texts)?;
        let of_labels = of_texts
            .into_shape_with_order((labels.len(), templates.len(), width))
            .expect("an embedding for each label and template");
        embeds.assign(&of_labels.mean_axis(Axis(1)).expect("there are templates"));
    }
    Ok(l2_normalize(embeds))
}
