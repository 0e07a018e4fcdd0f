//! Runs forwards on request, for comparing programs alternately: each line of standard input is a
//! request, each line of standard output its answer, both JSON.
//!
//! `forward_server FOLDER THREADS PRECISION` loads a checkpoint folder and prints its name, the
//! instruction set and the precision. Requests:
//! - `{"images": N, "runs": R}`: the vision tower on `N` seeded images;
//! - `{"lengths": [..], "padded": T, "runs": R}`: the text tower and its projection on seeded
//!   captions of these lengths, padded to `T` tokens.
//!
//! The answer is `{"ms": [R times], "features": [..]}`: each forward's time, and the last one's
//! outputs. One more forward goes before them, untimed, since another program had the caches.

#![forbid(unsafe_code)]

use align_model::{AlignModel, LoadOptions, Precision, TextInput, Threads, synthetic};
use anyhow::{Context, Result};
use ndarray::{Array2, Array4};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::time::Instant;

/// Seed of the inputs.
const SEED: u64 = 1;

#[derive(Deserialize)]
struct Request {
    runs: usize,
    #[serde(flatten)]
    work: Work,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Work {
    Images { images: usize },
    Texts { lengths: Vec<usize>, padded: usize },
}

#[derive(Serialize)]
struct Answer {
    ms: Vec<f64>,
    features: Vec<f32>,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("the folder of the checkpoint is missing")?;
    let threads: NonZeroUsize =
        arguments.next().context("the number of threads is missing")?.parse()?;
    let precision: Precision = arguments.next().context("the precision is missing")?.parse()?;
    let mut options = LoadOptions::new()?;
    options.runtime = options.runtime.with_threads(Threads::new(threads)).with_precision(precision);
    let model = AlignModel::from_pretrained_with(folder, &options)?;
    println!("align-rs {} {precision}", options.runtime.isa.name());
    for line in io::stdin().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let answer = answer(&model, &request)?;
        println!("{}", serde_json::to_string(&answer)?);
        io::stdout().flush()?;
    }
    Ok(())
}

fn answer(model: &AlignModel, request: &Request) -> Result<Answer> {
    match &request.work {
        Work::Images { images } => {
            let pixels = pixel_values(model, *images)?;
            time(request.runs, || Ok(model.get_image_features(pixels.view())?))
        }
        Work::Texts { lengths, padded } => {
            let (ids, mask) = captions(model, lengths, *padded);
            let text = TextInput::new(ids.view()).with_mask(mask.view());
            time(request.runs, || Ok(model.get_text_features(&text)?))
        }
    }
}

/// Seeded images `[n, C, side, side]`.
fn pixel_values(model: &AlignModel, n: usize) -> Result<Array4<f32>> {
    let config = &model.config().vision_config;
    let (channels, side) = (config.num_channels, config.image_size.height);
    let values = (0..n).flat_map(|index| synthetic::image(SEED, index, channels, side)).collect();
    Ok(Array4::from_shape_vec((n, channels, side, side), values)?)
}

/// Seeded token ids and their mask, both `[n, padded]`.
fn captions(model: &AlignModel, lengths: &[usize], padded: usize) -> (Array2<i64>, Array2<i64>) {
    let config = &model.config().text_config;
    let mut ids = Array2::from_elem((lengths.len(), padded), config.pad_token_id.unwrap_or(0));
    let mut mask = Array2::zeros((lengths.len(), padded));
    for (row, &length) in lengths.iter().enumerate() {
        let caption = synthetic::caption(SEED, row, length, config.vocab_size as i64);
        for (column, id) in caption.into_iter().enumerate() {
            ids[[row, column]] = id;
            mask[[row, column]] = 1;
        }
    }
    (ids, mask)
}

fn time(runs: usize, forward: impl Fn() -> Result<Array2<f32>>) -> Result<Answer> {
    let mut features = forward()?;
    let mut ms = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        features = black_box(forward()?);
        ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Answer { ms, features: features.into_raw_vec_and_offset().0 })
}
