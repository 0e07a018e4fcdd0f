//! Embeddings of images and texts as arrays.

use crate::cli::{Global, Skipping};
use crate::failure::Outcome;
use crate::input::ImageReader;
use align_eval::dataset::LabelledImages;
use align_model::{AlignModel, AlignProcessor, l2_normalize};
use anyhow::{Result, anyhow};
use ndarray::{Array1, Array2, Axis};
use std::path::{Path, PathBuf};

/// A model with its processor.
pub(super) struct Embedder<'a> {
    pub(super) global: &'a Global,
    pub(super) model: AlignModel,
    pub(super) processor: AlignProcessor,
}

/// Images that could be read.
pub(super) struct Images {
    /// The index of each image among the requested ones, in ascending order.
    pub(super) indices: Vec<usize>,
    /// `[N, projection_dim]`, not normalised.
    pub(super) features: Array2<f32>,
    pub(super) outcome: Outcome,
}

/// Images that could be read, each of one class.
pub(super) struct Labelled {
    pub(super) labels: Array1<usize>,
    /// `[N, projection_dim]`, of unit length unless raw features were requested.
    pub(super) embeds: Array2<f32>,
    pub(super) outcome: Outcome,
}

impl<'a> Embedder<'a> {
    pub(super) fn load(global: &'a Global, processor: AlignProcessor) -> Result<Self> {
        Ok(Self { global, model: global.load_model()?, processor })
    }

    /// Calls `receive` with the indices and the features of each batch of images.
    ///
    /// # Errors
    /// If no image can be read. The error names `source`.
    pub(super) fn for_each_image(
        &self,
        source: &Path,
        paths: &[PathBuf],
        skipping: &Skipping,
        mut receive: impl FnMut(&[usize], Array2<f32>) -> Result<()>,
    ) -> Result<Outcome> {
        // Images come in order, but some of them are skipped.
        let mut rest = paths.iter().enumerate();
        let mut found = |path: &&Path| rest.find(|(_, other)| other == path).map(|(i, _)| i);
        let mut read = 0;
        let reader = ImageReader::new(self.global, &self.model, &self.processor);
        let outcome = reader.features(paths, skipping, |paths, features| {
            let indices: Option<Vec<usize>> = paths.iter().map(&mut found).collect();
            let indices = indices.expect("images come in order");
            read += indices.len();
            receive(&indices, features)
        })?;
        if read == 0 {
            return Err(anyhow!("{}: none of the images can be read", source.display()));
        }
        Ok(outcome)
    }

    /// The features of all images.
    ///
    /// # Errors
    /// As [`for_each_image`](Self::for_each_image).
    pub(super) fn images(
        &self,
        source: &Path,
        paths: &[PathBuf],
        skipping: &Skipping,
    ) -> Result<Images> {
        let (mut indices, mut values) = (Vec::with_capacity(paths.len()), Vec::new());
        let outcome = self.for_each_image(source, paths, skipping, |batch, features| {
            indices.extend(batch);
            values.extend(features);
            Ok(())
        })?;
        let shape = (indices.len(), self.model.config().projection_dim);
        Ok(Images { features: Array2::from_shape_vec(shape, values)?, indices, outcome })
    }

    /// The embeddings of labelled images.
    ///
    /// # Errors
    /// As [`for_each_image`](Self::for_each_image).
    pub(super) fn labelled(
        &self,
        data: &LabelledImages,
        skipping: &Skipping,
        raw: bool,
    ) -> Result<Labelled> {
        let images = self.images(&data.source, &data.paths, skipping)?;
        let labels = images.indices.iter().map(|&image| data.labels[image]).collect();
        let embeds = if raw { images.features } else { l2_normalize(images.features) };
        Ok(Labelled { labels, embeds, outcome: images.outcome })
    }

    /// Calls `embed` with `step` texts at a time and returns all embeddings `[n, projection_dim]`.
    pub(super) fn in_steps<T>(
        &self,
        texts: &[T],
        step: usize,
        kind: &'static str,
        embed: impl Fn(&[T]) -> Result<Array2<f32>>,
    ) -> Result<Array2<f32>> {
        let progress = self.global.progress(texts.len(), kind);
        let mut embeds = Array2::zeros((0, self.model.config().projection_dim));
        for texts in texts.chunks(step) {
            embeds.append(Axis(0), embed(texts)?.view())?;
            progress.inc(texts.len() as u64);
        }
        progress.finish_and_clear();
        Ok(embeds)
    }
}

/// The worse of two outcomes.
pub(super) fn both(one: Outcome, other: Outcome) -> Outcome {
    if one == Outcome::Done { other } else { one }
}
