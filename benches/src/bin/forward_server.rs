//! A server that runs forwards of align-rs on request.
//!
//! `forward_server FOLDER THREADS PRECISION` loads a checkpoint folder and serves it ([`serve`]). The name that it
//! prints contains the instruction set and the precision.

#![forbid(unsafe_code)]

use align_benches::{Engine, serve};
use align_model::{AlignModel, LoadOptions, Precision, TextInput, Threads};
use anyhow::{Context, Result};
use ndarray::{Array2, Array4};
use std::num::NonZeroUsize;

struct Ours(AlignModel);

impl Engine for Ours {
    fn image_features(&self, pixels: &Array4<f32>) -> Result<Vec<f32>> {
        Ok(self.0.get_image_features(pixels.view())?.into_raw_vec_and_offset().0)
    }

    fn text_features(&self, ids: &Array2<i64>, mask: &Array2<i64>) -> Result<Vec<f32>> {
        let text = TextInput::new(ids.view()).with_mask(mask.view());
        Ok(self.0.get_text_features(&text)?.into_raw_vec_and_offset().0)
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("the folder of the checkpoint is missing")?;
    let threads: NonZeroUsize =
        arguments.next().context("the number of threads is missing")?.parse()?;
    let precision: Precision = arguments.next().context("the precision is missing")?.parse()?;
    let mut options = LoadOptions::new()?;
    options.runtime = options.runtime.with_threads(Threads::new(threads)).with_precision(precision);
    let ours = Ours(AlignModel::from_pretrained_with(folder, &options)?);
    let version = format!("align-rs {} {precision}", options.runtime.isa.name());
    serve(&version, ours.0.config(), &ours)
}
