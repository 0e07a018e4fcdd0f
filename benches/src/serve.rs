//! A server that runs forwards on request, so that programs can be timed alternately.
//!
//! The first line of its output is the engine's name and version. Then each line of standard input is a request, and
//! each line of standard output its answer, both in JSON. The requests are:
//!
//! - `{"images": N, "runs": R}`: the vision tower on `N` seeded images;
//! - `{"lengths": [..], "padded": T, "runs": R}`: the text tower and its projection on seeded captions of these
//!   lengths, padded to `T` tokens.
//!
//! The answer `{"ms": [R times], "features": [..]}` holds the time of each forward and the outputs of the last one. An
//! untimed forward precedes them, because another program had the caches.

use align_model::{AlignConfig, synthetic};
use anyhow::Result;
use ndarray::{Array2, Array4};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

/// The seed of all inputs.
const SEED: u64 = 1;

/// An engine that computes the two towers.
pub trait Engine {
    /// Returns features `[n, projection_dim]`, row-major, of pixel values `[n, C, H, W]`.
    ///
    /// # Errors
    /// If the engine fails.
    fn image_features(&self, pixels: &Array4<f32>) -> Result<Vec<f32>>;

    /// Returns features `[n, projection_dim]`, row-major, of token ids and their mask, both `[n, tokens]`.
    ///
    /// # Errors
    /// If the engine fails.
    fn text_features(&self, ids: &Array2<i64>, mask: &Array2<i64>) -> Result<Vec<f32>>;
}

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

/// Prints `version` and answers requests for the model of `config` until the input ends.
///
/// # Errors
/// If a line is not a valid request, or the engine fails.
pub fn serve(version: &str, config: &AlignConfig, engine: &impl Engine) -> Result<()> {
    println!("{version}");
    for line in io::stdin().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let answer = match &request.work {
            Work::Images { images } => {
                let pixels = pixel_values(config, *images)?;
                time(request.runs, || engine.image_features(&pixels))
            }
            Work::Texts { lengths, padded } => {
                let (ids, mask) = captions(config, lengths, *padded);
                time(request.runs, || engine.text_features(&ids, &mask))
            }
        };
        println!("{}", serde_json::to_string(&answer?)?);
        io::stdout().flush()?;
    }
    Ok(())
}

/// Returns seeded images `[n, C, side, side]`.
fn pixel_values(config: &AlignConfig, n: usize) -> Result<Array4<f32>> {
    let vision = &config.vision_config;
    let (channels, side) = (vision.num_channels, vision.image_size.height);
    let values = (0..n).flat_map(|index| synthetic::image(SEED, index, channels, side)).collect();
    Ok(Array4::from_shape_vec((n, channels, side, side), values)?)
}

/// Returns seeded token ids and their mask, both `[n, padded]`.
fn captions(config: &AlignConfig, lengths: &[usize], padded: usize) -> (Array2<i64>, Array2<i64>) {
    let text = &config.text_config;
    let mut ids = Array2::from_elem((lengths.len(), padded), text.pad_token_id.unwrap_or(0));
    let mut mask = Array2::zeros((lengths.len(), padded));
    for (row, &length) in lengths.iter().enumerate() {
        let caption = synthetic::caption(SEED, row, length, text.vocab_size as i64);
        for (column, id) in caption.into_iter().enumerate() {
            ids[[row, column]] = id;
            mask[[row, column]] = 1;
        }
    }
    (ids, mask)
}

fn time(runs: usize, forward: impl Fn() -> Result<Vec<f32>>) -> Result<Answer> {
    let mut features = forward()?;
    let mut ms = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        features = black_box(forward()?);
        ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Answer { ms, features })
}
