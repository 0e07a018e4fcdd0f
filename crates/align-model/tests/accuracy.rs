//! Distance of each precision from the oracle in f64.
//!
//! It is measured, printed (`--nocapture`), and compared with bounds that follow from the rounding
//! of the precision.

mod common;

use align_model::synthetic::SyntheticModel;
use align_model::{
    AlignInput, AlignModel, AlignOutput, ForwardOptions, Isa, Precision, Runtime, TextInput,
};
use align_testing::align_base::{WEIGHTS_SEED, captions, pixel_values};
use align_testing::golden::Golden;
use align_testing::{fixtures, tiny};
use common::load_options;
use ndarray::Array2;

/// Root mean square of bf16's relative rounding error, for numbers whose logarithms are uniformly
/// distributed.
///
/// The error of a number x from 1 to 2 is uniform on ±2^-8, and E[1/x^2] = 3 / (8 ln 2).
fn bf16_rounding() -> f64 {
    2f64.powi(-8) * (3.0 / (8.0 * std::f64::consts::LN_2) / 3.0).sqrt()
}

/// Distance of rows of unit length from the truth.
#[derive(Clone, Copy)]
struct Distance {
    /// One minus the smallest cosine of a row with the true row.
    one_minus_cosine: f64,
    /// The largest error of an element.
    max: f64,
    /// The length of the difference of all elements.
    length: f64,
}

fn distance(ours: &Array2<f32>, truth: &[f64]) -> Distance {
    let width = ours.ncols();
    let mut distance = Distance { one_minus_cosine: 0.0, max: 0.0, length: 0.0 };
    for (ours, truth) in ours.rows().into_iter().zip(truth.chunks(width)) {
        let ours = || ours.iter().map(|&x| f64::from(x));
        let dot = |a: &mut dyn Iterator<Item = (f64, f64)>| a.map(|(x, y)| x * y).sum::<f64>();
        let cosine = dot(&mut ours().zip(truth.iter().copied()))
            / (dot(&mut ours().zip(ours())) * dot(&mut truth.iter().map(|&x| (x, x)))).sqrt();
        // `f64::max` passes NaN over, so it must not get that far.
        assert!(cosine.is_finite());
        distance.one_minus_cosine = distance.one_minus_cosine.max(1.0 - cosine);
        for (x, y) in ours().zip(truth) {
            distance.max = distance.max.max((x - y).abs());
            distance.length += (x - y).powi(2);
        }
    }
    distance.length = distance.length.sqrt();
    distance
}

/// The largest error of a logit.
fn largest_error(ours: &Array2<f32>, truth: &[f64]) -> f64 {
    ours.iter().zip(truth).map(|(&x, y)| (f64::from(x) - y).abs()).fold(0.0, f64::max)
}

#[derive(Clone, Copy)]
struct Row {
    precision: Precision,
    image: Distance,
    text: Distance,
}

/// Measures every precision and prints the table.
fn measure(
    title: &str,
    golden: &Golden,
    mut run: impl FnMut(Precision) -> AlignOutput,
) -> [Row; 4] {
    println!("\n{title}");
    println!("| precision | image: 1 - cos | max | text: 1 - cos | max | logits: max |");
    println!("|---|---|---|---|---|---|");
    Precision::ALL.map(|precision| {
        let output = run(precision);
        let image = distance(&output.image_embeds, &golden.truth("image_embeds"));
        let text = distance(&output.text_embeds, &golden.truth("text_embeds"));
        let logits = largest_error(&output.logits_per_text, &golden.truth("logits_per_text"));
        println!(
            "| {precision} | {:.1e} | {:.1e} | {:.1e} | {:.1e} | {logits:.1e} |",
            image.one_minus_cosine, image.max, text.one_minus_cosine, text.max
        );
        Row { precision, image, text }
    })
}

/// Checks the relations that hold for any model.
///
/// To first order, the error of an embedding is a sum over all products of their relative errors.
/// It is therefore proportional to those errors, whatever the rest of the network does. Let `r` be
/// the root-mean-square rounding error of an operand ([`bf16_rounding`]).
///
/// - A product in bf16 has the error `sqrt(2) r`.
/// - A product in bf16x3 has the error `sqrt(3) r^2`. It is the part of either operand that the two
///   halves do not hold (the rounding of a rounding), and `low * low`.
///
/// So the error in bf16 is `sqrt(2/3) / r` times that in bf16x3, about 490. The bound is twice
/// that, since both are sums of random terms.
///
/// A weight of `int8` has an error of at most half a step, and a step is 1/127 of the row's largest
/// weight. That is `c / (127 sqrt(12))` of a weight, or `1.4 c r`. Here `c` is the largest weight
/// over the root mean square: 1.7 for uniformly distributed weights, about 3 for some hundred
/// normally distributed ones. With the activation's own `r`, the error is `sqrt(1 + (1.4 * 3)^2) r`,
/// which is 3 times that of bf16. The bound is twice that.
fn check(rows: [Row; 4]) {
    let [f32, bf16x3, bf16, int8] = rows;
    let ratio = (2.0f64 / 3.0).sqrt() / bf16_rounding();
    for tower in [|row: Row| row.image, |row: Row| row.text] {
        assert!(tower(f32).length < tower(bf16x3).length, "f32 is the most exact");
        assert!(tower(bf16x3).length < tower(bf16).length / 16.0, "three products keep more");
        let bound = 2.0 * ratio * tower(bf16x3).length;
        let found = tower(bf16).length;
        assert!(found <= bound, "{}: {found} above {bound}", bf16.precision);
    }
    // The image tower has no int8 weights.
    assert_eq!(int8.image.length, bf16.image.length);
    let (found, bound) = (int8.text.length, 2.0 * 3.0 * bf16.text.length);
    assert!(found <= bound, "int8: {found} above {bound}");
}

#[test]
fn tiny_checkpoints() {
    for name in ["base", "padding", "minimal", "masks"] {
        let folder = tiny(name);
        let golden = Golden::open(&folder.join("golden.safetensors"));
        let (Some(ids), Some(pixels)) = (golden.ids("input_ids"), golden.pixel_values()) else {
            panic!("{name} has no joined outputs");
        };
        let mask = golden.ids("attention_mask");
        let text = TextInput {
            attention_mask: mask.as_ref().map(|mask| mask.view()),
            ..TextInput::new(ids.view())
        };
        for isa in Isa::available() {
            let rows = measure(&format!("{name}, {}", isa.name()), &golden, |precision| {
                let mut options = load_options(isa, 1);
                options.runtime = options.runtime.with_precision(precision);
                let model = AlignModel::from_pretrained_with(&folder, &options).unwrap();
                let input = AlignInput { text, pixel_values: pixels.view() };
                model.forward(&input, ForwardOptions::default()).unwrap()
            });
            check(rows);
        }
    }
}

#[test]
fn the_published_shape() {
    let golden = Golden::open(&fixtures().join("align-base/golden.safetensors"));
    let pixel_values = pixel_values();
    let [input_ids, attention_mask] = captions();
    let runtime = Runtime::new().unwrap();
    let title = format!("align-base, {}", runtime.isa.name());
    let rows = measure(&title, &golden, |precision| {
        let runtime = runtime.clone().with_precision(precision);
        let model =
            AlignModel::synthetic(SyntheticModel::AlignBase, WEIGHTS_SEED, &runtime).unwrap();
        let text = TextInput::new(input_ids.view()).with_mask(attention_mask.view());
        let input = AlignInput { text, pixel_values: pixel_values.view() };
        model.forward(&input, ForwardOptions::default()).unwrap()
    });
    check(rows);
    // The accuracy that the precisions promise.
    let [f32, bf16x3, _, int8] = rows;
    for tower in [|row: Row| row.image, |row: Row| row.text] {
        assert!(tower(bf16x3).one_minus_cosine <= 1e-6);
        assert!(tower(bf16x3).max <= 50.0 * tower(f32).max);
    }
    assert!(int8.text.one_minus_cosine <= 0.002);
}
