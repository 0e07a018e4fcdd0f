//! How far each precision is from the oracle in f64: measured, shown (`--nocapture`), and held to
//! bounds that follow from how it rounds.

mod common;

use align_model::synthetic::SyntheticModel;
use align_model::{
    AlignInput, AlignModel, AlignOutput, ForwardOptions, Isa, Precision, Runtime, TextInput,
};
use common::align_base::{WEIGHTS_SEED, captions, pixel_values};
use common::golden::Golden;
use common::{fixtures, load_options, tiny};
use ndarray::Array2;

/// The root mean square of bf16's relative rounding error on numbers whose logarithms are spread
/// evenly: an error even on +-2^-8 of a number x of 1 to 2, E[1/x^2] = 3 / (8 ln 2).
fn bf16_rounding() -> f64 {
    2f64.powi(-8) * (3.0 / (8.0 * std::f64::consts::LN_2) / 3.0).sqrt()
}

/// The distance of rows of unit length from the truth.
#[derive(Clone, Copy)]
struct Distance {
    /// The least cosine of a row with the true one, as its distance from one.
    one_minus_cosine: f64,
    /// Of an element.
    max: f64,
    /// Of the whole: the length of the difference.
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
        // A NaN must be the largest.
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

/// Measures every precision and shows the table.
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

/// What must hold of any model.
///
/// To first order an error in the embedding is a sum over all products of the relative error of
/// each, and so proportional to their size, whatever the network makes of them. With `r` the
/// root-mean-square rounding of an operand ([`bf16_rounding`]), a product in bf16 is off by
/// `sqrt(2) r`; in bf16x3 by `sqrt(3) r^2`: what the two parts cannot hold of either operand (the
/// rounding of a rounding), and `low * low`. So the error in bf16 is `sqrt(2/3) / r` times that in
/// bf16x3, about 490; twice that is the bound, since both are sums of random terms.
///
/// An integer of `int8` is off by up to half a step of 1/127 of its row's largest weight: `c / (127
/// sqrt(12))` of a weight, or `1.4 c r`, where `c` is the largest weight over their root mean square:
/// 1.7 in rows of even distribution, about 3 in normal ones of some hundred. With the activation's own
/// `r` that is `sqrt(1 + (1.4 * 3)^2) r`, 3 times what bf16 is off by; twice that is the bound.
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
    // The image tower has no integers.
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
    // What the precisions are for.
    let [f32, bf16x3, _, int8] = rows;
    for tower in [|row: Row| row.image, |row: Row| row.text] {
        assert!(tower(bf16x3).one_minus_cosine <= 1e-6);
        assert!(tower(bf16x3).max <= 50.0 * tower(f32).max);
    }
    assert!(int8.text.one_minus_cosine <= 0.002);
}
