//! `align bench`: the time of each tower, from arrays to embeddings.

mod profile;
mod timing;

use crate::cli::{Bench, Global, Synthetic};
use crate::failure::Outcome;
use crate::output::{Record, Records};
use align_model::synthetic::{self, SyntheticModel};
use align_model::{AlignModel, TextInput, peak_flops};
use anyhow::Result;
use ndarray::{Array2, Array4, Axis, Slice};
use profile::{Profiles, rows};
use serde::Serialize;
use std::io::{self, Write};
use timing::min_and_median;

/// The seed of weights and inputs.
const SEED: u64 = 0;

pub(crate) fn run(global: &Global, arguments: &Bench) -> Result<Outcome> {
    let runtime = global.runtime()?;
    let model = match arguments.synthetic {
        Some(Synthetic::AlignBase) => {
            AlignModel::synthetic(SyntheticModel::AlignBase, SEED, &runtime)?
        }
        None => global.load_model()?,
    };
    let peak_gflops = arguments.profile.then(|| peak_flops(&runtime) / 1e9);
    let (batch, tokens) = (usize::from(arguments.batch), usize::from(arguments.tokens));
    let pixel_values = pixel_values(&model, batch);
    let input_ids = input_ids(&model, batch, tokens);
    let text = TextInput::new(input_ids.view());
    // A wrong number of tokens is found before anything is timed.
    model.get_text_features(&text)?;
    let [image_min, image_median] =
        min_and_median(|| model.get_image_features(pixel_values.view()))?;
    let [text_min, text_median] = min_and_median(|| model.get_text_features(&text))?;
    let profile = peak_gflops
        .map(|peak_gflops| {
            anyhow::Ok(Profiles {
                peak_gflops,
                image: rows(peak_gflops, || model.get_image_features(pixel_values.view()))?,
                text: rows(peak_gflops, || model.get_text_features(&text))?,
            })
        })
        .transpose()?;
    let timings = Timings {
        isa: runtime.isa.name().to_string(),
        precision: model.precision().to_string(),
        threads: runtime.threads.count(),
        image: ImageTiming { batch, min_ms: image_min, median_ms: image_median },
        text: TextTiming { batch, tokens, min_ms: text_min, median_ms: text_median },
        profile,
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

#[derive(Serialize)]
struct Timings {
    isa: String,
    precision: String,
    threads: usize,
    image: ImageTiming,
    text: TextTiming,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Profiles>,
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
        let Self { isa, precision, threads, image, text, profile } = self;
        writeln!(out, "{isa}, {precision}, {threads} threads")?;
        writeln!(out, "{:8}{:>6}{:>8}{:>12}{:>12}", "", "batch", "tokens", "min ms", "median ms")?;
        let ImageTiming { batch, min_ms, median_ms } = image;
        writeln!(out, "{:8}{batch:6}{:>8}{min_ms:12.3}{median_ms:12.3}", "image", "")?;
        let TextTiming { batch, tokens, min_ms, median_ms } = text;
        writeln!(out, "{:8}{batch:6}{tokens:8}{min_ms:12.3}{median_ms:12.3}", "text")?;
        profile.as_ref().map_or(Ok(()), |profile| profile.table(out))
    }
}
