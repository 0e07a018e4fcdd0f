//! `align eval retrieval`.

use super::embedding::Embedder;
use super::report::percent;
use crate::cli::{EvalRetrieval, Global};
use crate::commands::embed::text_processor;
use crate::failure::{Outcome, Usage};
use crate::output::{Record, Records};
use align_eval::dataset::CaptionedImages;
use align_eval::metrics::{recall_at_k, retrieval_ranks};
use align_model::{ProcessorError, embed_texts, l2_normalize};
use anyhow::{Error, Result, anyhow};
use ndarray::ArrayView1;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// The split that results are usually reported on.
const SPLIT: &str = "test";

/// The captions of a step of progress.
const STEP: usize = 64;

pub(super) fn run(global: &Global, arguments: &EvalRetrieval) -> Result<Outcome> {
    let data = read(arguments)?;
    let embedder = Embedder::load(global, text_processor(global, arguments.truncate)?)?;
    let Embedder { model, processor, .. } = &embedder;
    // A caption that is too long is found before any image is embedded.
    let (texts, _) = data.texts();
    processor.check_texts(&texts).map_err(|error| {
        let hint = match error {
            ProcessorError::TextTooLong { .. } => "\nhint: --truncate cuts captions",
            _ => "",
        };
        anyhow!("{}: {:#}{hint}", arguments.data.display(), Error::from(error))
    })?;
    let images = embedder.images(&arguments.data, &data.paths, &arguments.skipping)?;

    // Captions of images that could not be read are left out.
    let captions = images.indices.iter().map(|&image| data.captions[image].clone()).collect();
    let paths = images.indices.iter().map(|&image| data.paths[image].clone()).collect();
    let data = CaptionedImages { paths, captions };
    let (texts, image_of_text) = data.texts();
    let text_embeds = embedder
        .in_steps(&texts, STEP, "captions", |texts| Ok(embed_texts(model, processor, texts)?))?;
    let ranks = retrieval_ranks(
        &global.runtime()?,
        l2_normalize(images.features).view(),
        text_embeds.view(),
        ArrayView1::from(&image_of_text),
    )?;
    let recalls = |ranks: &[usize]| [1, 5, 10].map(|k| recall_at_k(ranks, k));
    let [i1, i5, i10] = recalls(&ranks.image_to_text);
    let [t1, t5, t10] = recalls(&ranks.text_to_image);
    let recall = Recall { i1, i5, i10, t1, t5, t10, images: data.paths.len(), texts: texts.len() };
    Records::only(global.format(), &recall)?;
    Ok(images.outcome)
}

fn read(arguments: &EvalRetrieval) -> Result<CaptionedImages> {
    let EvalRetrieval { data, images, split, .. } = arguments;
    let folder = data.parent().unwrap_or(Path::new(""));
    let images = images.as_deref().unwrap_or(folder);
    if CaptionedImages::is_json(data) {
        let split = split.as_deref().unwrap_or(SPLIT);
        return Ok(CaptionedImages::from_karpathy(data, images, split)?);
    }
    if split.is_some() {
        return Err(Usage("--split is for .json files; a CSV file has none".to_owned()).into());
    }
    Ok(CaptionedImages::from_csv(data, images)?)
}

/// Recall at 1, 5 and 10: the share of images (`i`) with one of their captions among the first 1, 5
/// or 10, and the share of texts (`t`) with their image among them.
#[derive(Serialize)]
struct Recall {
    #[serde(rename = "image_to_text.r1")]
    i1: f64,
    #[serde(rename = "image_to_text.r5")]
    i5: f64,
    #[serde(rename = "image_to_text.r10")]
    i10: f64,
    #[serde(rename = "text_to_image.r1")]
    t1: f64,
    #[serde(rename = "text_to_image.r5")]
    t5: f64,
    #[serde(rename = "text_to_image.r10")]
    t10: f64,
    images: usize,
    texts: usize,
}

impl Record for Recall {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let &Self { i1, i5, i10, t1, t5, t10, images, texts } = self;
        writeln!(out, "{:13}{:>10}{:>11}{:>11}", "", "R@1", "R@5", "R@10")?;
        for (way, recalls) in [("image to text", [i1, i5, i10]), ("text to image", [t1, t5, t10])] {
            let [r1, r5, r10] = recalls.map(percent);
            writeln!(out, "{way}  {r1}   {r5}   {r10}")?;
        }
        writeln!(out, "{images} images, {texts} captions")
    }
}
