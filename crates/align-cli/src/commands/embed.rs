//! `align embed`: images or texts as vectors.

mod sink;

use crate::cli::{Embed, EmbedOutput, Global, Skipping};
use crate::failure::Outcome;
use crate::input::{self, ImageReader};
use align_model::l2_normalize;
use anyhow::Result;
use ndarray::Array2;
use sink::{Kind, Sink};
use std::path::PathBuf;

pub(crate) fn run(global: &Global, arguments: &Embed) -> Result<Outcome> {
    match arguments {
        Embed::Image { paths, output, skipping } => images(global, paths, output, skipping),
        Embed::Text { texts, output } => embed_texts(global, texts, output),
    }
}

fn images(
    global: &Global,
    paths: &[PathBuf],
    output: &EmbedOutput,
    skipping: &Skipping,
) -> Result<Outcome> {
    let paths = input::paths(paths)?;
    let processor = global.load_processor()?;
    let model = global.load_model()?;
    let width = model.config().projection_dim;
    let mut sink = Sink::new(Kind::Image, width, output.output.as_deref(), global.format());
    let reader = ImageReader::new(global, &model, &processor);
    let outcome = reader.features(&paths, skipping, |paths, features| {
        let names = paths.iter().map(|path| path.display().to_string());
        sink.write(names, scaled(features, output))
    })?;
    sink.finish()?;
    Ok(outcome)
}

fn embed_texts(global: &Global, texts: &[String], output: &EmbedOutput) -> Result<Outcome> {
    /// Texts of one step of progress.
    const STEP: usize = 64;
    let texts = input::texts(texts)?;
    let processor = global.load_processor()?;
    let model = global.load_model()?;
    // A text that is too long is known before any is embedded.
    processor.check_texts(&texts)?;
    let progress = global.progress(texts.len(), "texts");
    let width = model.config().projection_dim;
    let mut sink = Sink::new(Kind::Text, width, output.output.as_deref(), global.format());
    for texts in texts.chunks(STEP) {
        let features = processor.text_features(&model, texts)?;
        sink.write(texts.iter().cloned(), scaled(features, output))?;
        progress.inc(texts.len() as u64);
    }
    progress.finish_and_clear();
    sink.finish()?;
    Ok(Outcome::Done)
}

fn scaled(features: Array2<f32>, output: &EmbedOutput) -> Array2<f32> {
    if output.raw { features } else { l2_normalize(features) }
}
