//! `align eval zeroshot`.

use super::embedding::Embedder;
use super::report::Accuracy;
use crate::cli::{EvalZeroshot, Global, template};
use crate::failure::Outcome;
use crate::input;
use crate::output::Records;
use align_eval::dataset::LabelledImages;
use align_eval::metrics::{Confusion, label_ranks, predictions, recall_at_k};
use align_model::{LabelScore, ZeroShotClassifier, embed_labels, l2_normalize};
use anyhow::{Result, anyhow};
use ndarray::{Array2, ArrayView1};
use std::path::Path;

pub(super) fn run(global: &Global, arguments: &EvalZeroshot) -> Result<Outcome> {
    let data = LabelledImages::open(&arguments.data)?;
    let data = match &arguments.classes {
        Some(file) => data.rename_classes(file)?,
        None => data,
    };
    let mut templates = arguments.templates.clone();
    if let Some(file) = &arguments.templates_file {
        templates.extend(templates_of_file(file)?);
    }
    let embedder = Embedder::load(global, global.load_processor()?)?;
    let classifier = classifier(&embedder, &data.classes, &templates)?;

    let (mut labels, mut predicted, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
    let outcome = embedder.for_each_image(
        &data.source,
        &data.paths,
        &arguments.skipping,
        |images, features| {
            let scores = classifier.classify_embeds(l2_normalize(features).view());
            let scores = by_class(&scores, data.classes.len());
            let of_images: Vec<usize> = images.iter().map(|&image| data.labels[image]).collect();
            predicted.extend(predictions(scores.view())?);
            ranks.extend(label_ranks(scores.view(), ArrayView1::from(&of_images))?);
            labels.extend(of_images);
            Ok(())
        },
    )?;
    let (of_images, classes) = (ArrayView1::from(&labels), &data.classes);
    let confusion = Confusion::new(of_images, ArrayView1::from(&predicted), classes.len())?;
    let acc5 = Some(recall_at_k(&ranks, 5));
    let limit = arguments.confusions.limit;
    Records::only(global.format(), &Accuracy::new(&confusion, acc5, labels.len(), classes, limit))?;
    Ok(outcome)
}

/// The templates in a file, one on each line.
fn templates_of_file(path: &Path) -> Result<Vec<String>> {
    let lines = input::lines_of_file(path)?;
    if lines.is_empty() {
        return Err(anyhow!("{}: expected a template on a line, found none", path.display()));
    }
    let checked = lines.iter().map(|line| {
        template(line).map_err(|error| anyhow!("{}: template {line:?}: {error}", path.display()))
    });
    checked.collect()
}

/// The classifier for the names of the classes.
fn classifier(
    embedder: &Embedder<'_>,
    classes: &[String],
    templates: &[String],
) -> Result<ZeroShotClassifier> {
    /// The texts of a step of progress. A step has at least the texts of one class.
    const STEP: usize = 64;
    let Embedder { model, processor, .. } = embedder;
    let step = STEP.div_ceil(templates.len().max(1));
    let embeds = embedder.in_steps(classes, step, "class names", |classes| {
        Ok(embed_labels(model, processor, classes, templates)?)
    })?;
    Ok(ZeroShotClassifier::from_embeds(model, classes.to_vec(), embeds)?)
}

/// Logits `[N, classes]` in the order of the classes. `scores` are sorted by probability.
fn by_class(scores: &[Vec<LabelScore>], classes: usize) -> Array2<f32> {
    let mut logits = Array2::zeros((scores.len(), classes));
    for (mut logits, scores) in logits.rows_mut().into_iter().zip(scores) {
        scores.iter().for_each(|score| logits[score.label] = score.logit);
    }
    logits
}
