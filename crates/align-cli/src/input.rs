//! What the commands read: lines of standard input and files, and images in batches.

use crate::cli::{Global, Skipping};
use crate::failure::{Outcome, Usage};
use align_model::{AlignModel, AlignProcessor, ModelError};
use anyhow::{Result, anyhow};
use indicatif::ProgressBar;
use ndarray::{Array2, Array3, Axis};
use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

/// Images that run through the model together: enough to keep all cores busy, few enough to keep
/// memory small.
const IMAGE_BATCH: usize = 8;

/// The argument that stands for standard input.
const STDIN: &str = "-";

/// The lines of a text file, without those that are blank.
pub(crate) fn lines_of_file(path: &Path) -> Result<Vec<String>> {
    let in_file = |error: std::io::Error| anyhow!("{}: {error}", path.display());
    let lines = BufReader::new(File::open(path).map_err(in_file)?).lines();
    lines
        .map(|line| line.map_err(in_file))
        .filter(|line| line.as_ref().map_or(true, |line| !line.trim().is_empty()))
        .map(|line| Ok(line?.trim().to_owned()))
        .collect()
}

/// The texts given, `-` replaced by the lines of standard input, blank ones too: the rows of a
/// result must be those of the file that was piped in.
pub(crate) fn texts(arguments: &[String]) -> Result<Vec<String>> {
    expand(arguments, |text| text == STDIN, Some)
}

/// The paths given, `-` replaced by the lines of standard input that are not blank.
pub(crate) fn paths(arguments: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let path = |line: String| (!line.is_empty()).then(|| line.into());
    expand(arguments, |path| path == Path::new(STDIN), path)
}

fn expand<T: Clone>(
    arguments: &[T],
    is_stdin: impl Fn(&T) -> bool,
    item: impl Fn(String) -> Option<T>,
) -> Result<Vec<T>> {
    if arguments.iter().filter(|argument| is_stdin(argument)).count() > 1 {
        return Err(Usage("`-` reads standard input and can be given once".to_owned()).into());
    }
    let mut items = Vec::with_capacity(arguments.len());
    for argument in arguments {
        if !is_stdin(argument) {
            items.push(argument.clone());
            continue;
        }
        for line in stdin().lock().lines() {
            let line = line.map_err(|error| anyhow!("standard input: {error}"))?;
            items.extend(item(line));
        }
    }
    Ok(items)
}

/// Runs image files through the vision tower in batches and hands their features (not normalised)
/// on in order. A file that is no image, or an image that the model refuses, is reported and
/// skipped.
pub(crate) struct ImageReader<'a> {
    global: &'a Global,
    model: &'a AlignModel,
    processor: &'a AlignProcessor,
    progress: ProgressBar,
    skipped: usize,
    read: usize,
}

impl<'a> ImageReader<'a> {
    pub(crate) fn new(
        global: &'a Global,
        model: &'a AlignModel,
        processor: &'a AlignProcessor,
    ) -> Self {
        Self { global, model, processor, progress: ProgressBar::hidden(), skipped: 0, read: 0 }
    }

    /// Calls `receive` with the paths of each batch and their features `[N, projection_dim]`.
    pub(crate) fn features(
        mut self,
        paths: &[PathBuf],
        skipping: &Skipping,
        mut receive: impl FnMut(&[&Path], Array2<f32>) -> Result<()>,
    ) -> Result<Outcome> {
        self.progress = self.global.progress(paths.len(), "images");
        let mut batch: Vec<(&Path, Array3<f32>)> = Vec::with_capacity(IMAGE_BATCH);
        for path in paths {
            match self.pixel_values(path) {
                Err(error) => self.skip(path, error),
                Ok(pixels) => {
                    // A processor that does not crop gives images of many sizes.
                    let fits = batch.first().is_none_or(|(_, first)| first.dim() == pixels.dim());
                    if !fits || batch.len() == IMAGE_BATCH {
                        self.run(std::mem::take(&mut batch), &mut receive)?;
                    }
                    batch.push((path, pixels));
                }
            }
        }
        self.run(batch, &mut receive)?;
        self.progress.finish_and_clear();
        Ok(self.outcome(skipping))
    }

    fn pixel_values(&self, path: &Path) -> Result<Array3<f32>, ModelError> {
        let images = self.processor.image_processor();
        Ok(images.preprocess(&images.open(path)?)?)
    }

    fn run(
        &mut self,
        batch: Vec<(&Path, Array3<f32>)>,
        receive: &mut impl FnMut(&[&Path], Array2<f32>) -> Result<()>,
    ) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let (mut paths, pixels): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let views: Vec<_> = pixels.iter().map(|pixels| pixels.view()).collect();
        let pixels = ndarray::stack(Axis(0), &views)?;
        let mut features = match self.model.get_image_features(pixels.view()) {
            Ok(features) => features,
            Err(error @ ModelError::Vision(_)) => {
                paths.iter().for_each(|path| self.skip(path, &error));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let finite: Vec<usize> =
            (0..paths.len()).filter(|&i| features.row(i).iter().all(|x| x.is_finite())).collect();
        if finite.len() < paths.len() {
            for (i, path) in paths.iter().enumerate().filter(|(i, _)| !finite.contains(i)) {
                debug_assert!(!features.row(i).is_empty());
                self.skip(path, "the model gives no finite embedding; see `align info`");
            }
            paths = finite.iter().map(|&i| paths[i]).collect();
            features = features.select(Axis(0), &finite);
        }
        self.read += paths.len();
        self.progress.inc(paths.len() as u64);
        if paths.is_empty() { Ok(()) } else { receive(&paths, features) }
    }

    fn skip(&mut self, path: &Path, error: impl Display) {
        let error = error.to_string();
        let name = path.display().to_string();
        let message = if error.contains(&name) { error } else { format!("{name}: {error}") };
        self.progress.suspend(|| eprintln!("error: {message}"));
        self.progress.inc(1);
        self.skipped += 1;
    }

    fn outcome(&self, skipping: &Skipping) -> Outcome {
        if self.skipped == 0 {
            return Outcome::Done;
        }
        let all = self.read + self.skipped;
        self.global.remark(format_args!("{} of {all} images skipped", self.skipped));
        if skipping.keep_going { Outcome::Done } else { Outcome::Incomplete }
    }
}
