//! Strings to features and embeddings, by a processor and a model.
//!
//! These functions take both, so that neither the processor nor the model depends on the other.

use crate::error::ModelError;
use crate::model::AlignModel;
use crate::processor::AlignProcessor;
use crate::similarity::l2_normalize;
use align_bert::TextInput;
use align_processor::ProcessorError;
use ndarray::{Array2, Axis};

/// Texts that run through the model together. It is large enough that they share the reading of
/// the weights, and small enough to bound memory.
const TEXT_BATCH: usize = 64;

/// The placeholder of the label in a template.
const PLACEHOLDER: &str = "{}";

/// Features of any number of texts, not normalised: `[n, projection_dim]`.
///
/// # Errors
/// If a text is too long, the tokenizer has tokens that the model does not have, or a feature is
/// not finite.
pub fn text_features(
    model: &AlignModel,
    processor: &AlignProcessor,
    texts: &[impl AsRef<str>],
) -> Result<Array2<f32>, ModelError> {
    let mut features = Array2::zeros((texts.len(), model.config().projection_dim));
    let batches = features.axis_chunks_iter_mut(Axis(0), TEXT_BATCH);
    for (batch, (texts, mut features)) in texts.chunks(TEXT_BATCH).zip(batches).enumerate() {
        let encoding =
            processor.texts(texts).map_err(|error| renumbered(error, batch * TEXT_BATCH))?;
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
/// As [`text_features`].
pub fn embed_texts(
    model: &AlignModel,
    processor: &AlignProcessor,
    texts: &[impl AsRef<str>],
) -> Result<Array2<f32>, ModelError> {
    Ok(l2_normalize(text_features(model, processor, texts)?))
}

/// Embeddings of labels, of unit length: `[labels, projection_dim]`.
///
/// Each template, such as `a photo of a {}`, has one `{}`, which is replaced by the label. With
/// templates, a label's embedding is the mean over its texts' unit embeddings, normalised again.
/// Without templates, it is the embedding of the label itself.
///
/// Labels may be embedded in parts: the result does not depend on the other labels of a call.
///
/// # Errors
/// If a template does not have exactly one `{}`, or as [`text_features`].
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
        [] => embed_texts(model, processor, labels),
        templates => embed_templates(model, processor, labels, templates),
    }
}

/// The normalised mean of the embeddings of each label's texts: `[labels, projection_dim]`.
fn embed_templates(
    model: &AlignModel,
    processor: &AlignProcessor,
    labels: &[String],
    templates: &[&str],
) -> Result<Array2<f32>, ModelError> {
    // Labels are embedded in steps of about one batch of texts. All labels times all templates at
    // once would need unbounded memory.
    let step = TEXT_BATCH.div_ceil(templates.len());
    let width = model.config().projection_dim;
    let mut embeds = Array2::zeros((labels.len(), width));
    for (labels, mut embeds) in labels.chunks(step).zip(embeds.axis_chunks_iter_mut(Axis(0), step))
    {
        let texts: Vec<String> = labels
            .iter()
            .flat_map(|label| templates.iter().map(move |t| t.replace(PLACEHOLDER, label)))
            .collect();
        let of_texts = embed_texts(model, processor, &texts)?;
        let of_labels = of_texts
            .into_shape_with_order((labels.len(), templates.len(), width))
            .expect("an embedding for each label and template");
        embeds.assign(&of_labels.mean_axis(Axis(1)).expect("there are templates"));
    }
    Ok(l2_normalize(embeds))
}

/// The same error, with the text's index counted from the first text of all batches.
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
