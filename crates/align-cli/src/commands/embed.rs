//! `align embed`: embeddings of images or texts.

use crate::cli::{Embed, EmbedImage, EmbedOutput, EmbedText, Global};
use crate::failure::{Outcome, Usage};
use crate::input::{self, CaptionReader, ImageReader, Source};
use crate::sink::sink;
use align_model::{AlignProcessor, Padding, TokenizerOptions, l2_normalize, text_features};
use anyhow::Result;
use ndarray::Array2;
use std::path::Path;

pub(crate) fn run(global: &Global, arguments: &Embed) -> Result<Outcome> {
    match arguments {
        Embed::Image(arguments) => images(global, arguments),
        Embed::Text(arguments) if arguments.shards.is_empty() => texts(global, arguments),
        Embed::Text(arguments) => captions(global, arguments),
    }
}

fn images(global: &Global, arguments: &EmbedImage) -> Result<Outcome> {
    let EmbedImage { paths, column, output, skipping } = arguments;
    let paths = input::paths(paths)?.into_iter();
    let sources = paths.map(Source::from_path).collect::<Result<Vec<_>, _>>()?;
    if column.is_some() && !sources.iter().any(|source| matches!(source, Source::Shard(_))) {
        return Err(no_column().into());
    }
    let processor = global.load_processor()?;
    let model = global.load_model()?;
    let width = model.config().projection_dim;
    let mut sink = sink(["image"], width, output.path(), global.format())?;
    let reader = ImageReader::new(global, &model, &processor);
    let outcome =
        reader.features_of_sources(&sources, column.as_deref(), skipping, |names, features| {
            let names: Vec<_> = names.iter().map(|name| [name.clone()]).collect();
            sink.write(&names, scaled(features, output).view())
        })?;
    sink.finish()?;
    Ok(outcome)
}

fn texts(global: &Global, arguments: &EmbedText) -> Result<Outcome> {
    /// The texts of a step of progress.
    const STEP: usize = 64;
    if arguments.column.is_some() {
        return Err(no_column().into());
    }
    let output = &arguments.output;
    let texts = input::texts(&arguments.texts)?;
    let processor = text_processor(global, arguments.truncate)?;
    let model = global.load_model()?;
    // A text that is too long is found before any text is embedded.
    processor.check_texts(&texts)?;
    let progress = global.progress(texts.len(), "texts");
    let width = model.config().projection_dim;
    let mut sink = sink(["text"], width, output.path(), global.format())?;
    for texts in texts.chunks(STEP) {
        let features = text_features(&model, &processor, texts)?;
        let names: Vec<_> = texts.iter().map(|text| [text.clone()]).collect();
        sink.write(&names, scaled(features, output).view())?;
        progress.inc(texts.len() as u64);
    }
    progress.finish_and_clear();
    sink.finish()?;
    Ok(Outcome::Done)
}

fn captions(global: &Global, arguments: &EmbedText) -> Result<Outcome> {
    let EmbedText { shards, column, output, skipping, .. } = arguments;
    let shards = input::paths(shards)?;
    let shards = shards.iter().map(|path| input::shard(path)?.ok_or_else(|| no_shard(path)));
    let shards = shards.collect::<Result<Vec<_>, Usage>>()?;
    let processor = text_processor(global, arguments.truncate)?;
    let model = global.load_model()?;
    let width = model.config().projection_dim;
    let mut sink = sink(["item", "text"], width, output.path(), global.format())?;
    let reader = CaptionReader::new(global, &model, &processor);
    let outcome = reader.features(&shards, column.as_deref(), skipping, |captions, features| {
        let names: Vec<_> = captions.into_iter().map(|c| [c.item, c.text]).collect();
        sink.write(&names, scaled(features, output).view())
    })?;
    sink.finish()?;
    Ok(outcome)
}

/// The processor. If `truncate`, it truncates texts that are too long.
pub(super) fn text_processor(global: &Global, truncate: bool) -> Result<AlignProcessor> {
    let processor = global.load_processor()?;
    let options = TokenizerOptions::default();
    let truncation = match options.padding {
        Padding::MaxLength(length) if truncate => Some(length),
        _ => None,
    };
    Ok(processor.with_tokenizer_options(options.with_truncation(truncation)))
}

fn no_column() -> Usage {
    Usage("--column is for .tar and .parquet files".to_owned())
}

fn no_shard(path: &Path) -> Usage {
    Usage(format!("{}: expected a file name ending in .tar or .parquet", path.display()))
}

fn scaled(features: Array2<f32>, output: &EmbedOutput) -> Array2<f32> {
    if output.raw { features } else { l2_normalize(features) }
}
