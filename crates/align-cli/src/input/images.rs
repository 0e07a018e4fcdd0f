//! Batches of images through the vision tower.

use super::source::{Source, item_error};
use super::tally::Tally;
use crate::cli::{Global, Skipping};
use crate::failure::Outcome;
use align_model::{AlignModel, AlignProcessor, ModelError, ProcessorError};
use anyhow::{Result, anyhow};
use ndarray::{Array2, Array3, Axis};
use std::path::{Path, PathBuf};

/// The images of a batch: enough to keep all cores busy, few enough to keep memory small.
const IMAGE_BATCH: usize = 8;

/// Runs images through the vision tower in batches and passes their features on in order. Features
/// are not normalised. Files that cannot be read as images, and images that the model rejects, are
/// reported and skipped.
pub(crate) struct ImageReader<'a> {
    global: &'a Global,
    model: &'a AlignModel,
    processor: &'a AlignProcessor,
}

impl<'a> ImageReader<'a> {
    pub(crate) fn new(
        global: &'a Global,
        model: &'a AlignModel,
        processor: &'a AlignProcessor,
    ) -> Self {
        Self { global, model, processor }
    }

    /// Reads image files. Calls `receive` with the paths of each batch and their features
    /// `[N, projection_dim]`.
    pub(crate) fn features(
        self,
        paths: &[PathBuf],
        skipping: &Skipping,
        receive: impl FnMut(&[&Path], Array2<f32>) -> Result<()>,
    ) -> Result<Outcome> {
        let mut batches = self.batches(Some(paths.len()), receive);
        for path in paths {
            batches.push(path.as_path(), self.open(path))?;
        }
        batches.finish(skipping)
    }

    /// Reads image files and shards of images. `column` selects the column of shards. Calls
    /// `receive` with the names of each batch and their features `[N, projection_dim]`.
    pub(crate) fn features_of_sources(
        self,
        sources: &[Source],
        column: Option<&str>,
        skipping: &Skipping,
        receive: impl FnMut(&[String], Array2<f32>) -> Result<()>,
    ) -> Result<Outcome> {
        let files_alone = sources.iter().all(|source| matches!(source, Source::File(_)));
        let len = files_alone.then_some(sources.len());
        let max_bytes = self.processor.image_processor().limits().max_bytes;
        let mut batches = self.batches(len, receive);
        for source in sources {
            match source {
                Source::File(path) => batches.push(path.display().to_string(), self.open(path))?,
                Source::Shard(shard) => shard.images(column, max_bytes, &mut |image| {
                    let content = image.content.map_err(item_error);
                    batches.push(image.name, content.and_then(|bytes| self.decode(&bytes)))
                })?,
            }
        }
        batches.finish(skipping)
    }

    fn batches<N, R>(&self, len: Option<usize>, receive: R) -> Batches<'a, N, R> {
        let tally = Tally::new(self.global, "images", len);
        Batches { model: self.model, tally, receive, batch: Vec::with_capacity(IMAGE_BATCH) }
    }

    fn open(&self, path: &Path) -> Result<Array3<f32>> {
        let images = self.processor.image_processor();
        Ok(images.preprocess(&images.open(path)?)?)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Array3<f32>> {
        let images = self.processor.image_processor();
        let image = images.decode(bytes).map_err(|error| match error {
            // The caller knows the name of these bytes and adds it.
            ProcessorError::Image { fault, .. } => fault.into(),
            other => anyhow::Error::from(other),
        });
        Ok(images.preprocess(&image?)?)
    }
}

/// Gathers pixel values, runs each full batch and passes the features on. `N` is the name of an
/// image.
struct Batches<'a, N, R> {
    model: &'a AlignModel,
    tally: Tally<'a>,
    receive: R,
    batch: Vec<(N, Array3<f32>)>,
}

impl<N: AsRef<Path>, R: FnMut(&[N], Array2<f32>) -> Result<()>> Batches<'_, N, R> {
    fn push(&mut self, name: N, pixels: Result<Array3<f32>>) -> Result<()> {
        let pixels = match pixels {
            Ok(pixels) => pixels,
            Err(error) => {
                self.tally.skip(name.as_ref().display(), &error);
                return Ok(());
            }
        };
        // A processor that does not crop returns images of different sizes.
        let fits = self.batch.first().is_none_or(|(_, first)| first.dim() == pixels.dim());
        if !fits || self.batch.len() == IMAGE_BATCH {
            self.run()?;
        }
        self.batch.push((name, pixels));
        Ok(())
    }

    fn finish(mut self, skipping: &Skipping) -> Result<Outcome> {
        self.run()?;
        Ok(self.tally.finish(skipping))
    }

    fn run(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let (mut names, pixels): (Vec<_>, Vec<_>) = self.batch.drain(..).unzip();
        let views: Vec<_> = pixels.iter().map(|pixels| pixels.view()).collect();
        let pixels = ndarray::stack(Axis(0), &views)?;
        let mut features = match self.model.get_image_features(pixels.view()) {
            Ok(features) => features,
            Err(error @ ModelError::Vision(_)) => {
                let error = error.into();
                names.iter().for_each(|name| self.tally.skip(name.as_ref().display(), &error));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let finite: Vec<bool> =
            features.rows().into_iter().map(|row| row.iter().all(|x| x.is_finite())).collect();
        if finite.contains(&false) {
            let error = anyhow!("the model gives no finite embedding; see `align info`");
            let rows: Vec<usize> = (0..names.len()).filter(|&i| finite[i]).collect();
            let mut is_finite = finite.iter();
            names.retain(|name| {
                let keep = is_finite.next() == Some(&true);
                if !keep {
                    self.tally.skip(name.as_ref().display(), &error);
                }
                keep
            });
            features = features.select(Axis(0), &rows);
        }
        self.tally.read(names.len());
        if names.is_empty() { Ok(()) } else { (self.receive)(&names, features) }
    }
}
