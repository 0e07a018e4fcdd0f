//! `align bench`: how long a tower takes, from arrays to embeddings.

use crate::cli::{Bench, Global, Synthetic};
use crate::failure::Outcome;
use crate::output::{Record, Records};
use align_model::synthetic::{self, SyntheticModel};
use align_model::{AlignModel, ModelError, TextInput};
use anyhow::Result;
use ndarray::{Array2, Array4, Axis, Slice};
use serde::Serialize;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Seed of weights and inputs.
const SEED: u64 = 0;
/// Runs whose time is thrown away: they fault memory in and fill caches.
const WARM_UPS: usize = 3;
/// The least number of timed runs, and how long to go on where runs are short.
const MIN_RUNS: usize = 10;
const MAX_RUNS: usize = 1000;
const MIN_TIME: Duration = Duration::from_secs(1);

pub(crate) fn run(global: &Global, arguments: &Bench) -> Result<Outcome> {
    let runtime = global.runtime()?;
    let model = match arguments.synthetic {
        Some(Synthetic::AlignBase) => {
            AlignModel::synthetic(SyntheticModel::AlignBase, SEED, &runtime)?
        }
        None => global.load_model()?,
    };
    let (batch, tokens) = (usize::from(arguments.batch), usize::from(arguments.tokens));
    let pixel_values = pixel_values(&model, batch);
    let input_ids = input_ids(&model, batch, tokens);
    let text = TextInput::new(input_ids.view());
    // Both are tried before either is timed, so that a wrong size is known at once.
    model.get_text_features(&text)?;
    let [image_min, image_median] =
        min_and_median(|| model.get_image_features(pixel_values.view()))?;
    let [text_min, text_median] = min_and_median(|| model.get_text_features(&text))?;
    let timings = Timings {
        isa: runtime.isa.name().to_string(),
        precision: runtime.precision.to_string(),
        threads: runtime.threads.count(),
        image: ImageTiming { batch, min_ms: image_min, median_ms: image_median },
        text: TextTiming { batch, tokens, min_ms: text_min, median_ms: text_median },
    };
    Records::only(global.format(), &timings)?;
    Ok(Outcome::Done)
}

/// Seeded images `[N, C, H, W]` of the model's size.
fn pixel_values(model: &AlignModel, batch: usize) -> Array4<f32> {
    let config = &model.config().vision_config;
    let (channels, size) = (config.num_channels, config.image_size);
    let side = size.height.max(size.width);
    let values = (0..batch).flat_map(|i| synthetic::image(SEED, i, channels, side)).collect();
    let mut images = Array4::from_shape_vec((batch, channels, side, side), values)
        .expect("an image has channels x side x side values");
    images.slice_axis_inplace(Axis(2), Slice::from(..size.height));
    images.slice_axis_inplace(Axis(3), Slice::from(..size.width));
    images.as_standard_layout().into_owned()
}

/// Seeded token ids `[n, T]`.
fn input_ids(model: &AlignModel, batch: usize, tokens: usize) -> Array2<i64> {
    let vocabulary = model.config().text_config.vocab_size as i64;
    let ids = (0..batch).flat_map(|i| synthetic::caption(SEED, i, tokens, vocabulary.max(2)));
    Array2::from_shape_vec((batch, tokens), ids.collect()).expect("a caption has its tokens")
}

/// The least and the median time of a forward, in milliseconds.
fn min_and_median(
    mut forward: impl FnMut() -> Result<Array2<f32>, ModelError>,
) -> Result<[f64; 2], ModelError> {
    for _ in 0..WARM_UPS {
        forward()?;
    }
    let (begin, mut times) = (Instant::now(), Vec::new());
    while times.len() < MIN_RUNS || (begin.elapsed() < MIN_TIME && times.len() < MAX_RUNS) {
        let start = Instant::now();
        std::hint::black_box(forward()?);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok([times[0], median(&times)])
}

/// The middle of sorted times, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

#[derive(Serialize)]
struct Timings {
    isa: String,
    precision: String,
    threads: usize,
    image: ImageTiming,
    text: TextTiming,
}

#[derive(Serialize)]
struct ImageTiming {
    batch: usize,
    min_ms: f64,
    median_ms: f64,
}

#[derive(Serialize)]
struct TextTiming {
    batch: usize,
    tokens: usize,
    min_ms: f64,
    median_ms: f64,
}

impl Record for Timings {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { isa, precision, threads, image, text } = self;
        writeln!(out, "{isa}, {precision}, {threads} threads")?;
        writeln!(out, "{:8}{:>6}{:>8}{:>12}{:>12}", "", "batch", "tokens", "min ms", "median ms")?;
        let ImageTiming { batch, min_ms, median_ms } = image;
        writeln!(out, "{:8}{batch:6}{:>8}{min_ms:12.3}{median_ms:12.3}", "image", "")?;
        let TextTiming { batch, tokens, min_ms, median_ms } = text;
        writeln!(out, "{:8}{batch:6}{tokens:8}{min_ms:12.3}{median_ms:12.3}", "text")
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }
}
