//! The published shape with seeded weights, compared with the oracle.

use align_model::synthetic::SyntheticModel;
use align_model::{AlignInput, AlignModel, ForwardOptions, Isa, Runtime, TextInput};
use align_testing::align_base::{CAPTIONS, WEIGHTS_SEED, captions, pixel_values};
use align_testing::fixtures;
use align_testing::golden::Golden;
use ndarray::{Array, Array2, Array3, Array4, Axis, Dimension, Slice};

const SAMPLES: usize = 256;

/// The elements of an array that a golden file keeps.
fn sample<D: Dimension>(array: &Array<f32, D>) -> Vec<f32> {
    let step = (array.len() / SAMPLES).max(1);
    array.iter().copied().step_by(step).take(SAMPLES).collect()
}

/// The rows of tokens that are not padding, one caption after another.
fn real_tokens(states: &Array3<f32>) -> Array2<f32> {
    let captions: Vec<_> = states
        .outer_iter()
        .zip(CAPTIONS)
        .map(|(caption, length)| caption.slice_axis_move(Axis(0), Slice::from(..length)))
        .collect();
    ndarray::concatenate(Axis(0), &captions).unwrap()
}

#[test]
fn every_layer_of_both_towers() {
    let golden = Golden::open(&fixtures().join("align-base/golden.safetensors"));
    let pixel_values = pixel_values();
    let [input_ids, attention_mask] = captions();
    // The inputs must be those of the golden file.
    assert_eq!(golden.ids("input_ids").unwrap(), input_ids);
    assert_eq!(golden.ids("attention_mask").unwrap(), attention_mask);
    assert_eq!(golden.f32s("sample.pixel_values"), sample(&pixel_values));

    for isa in Isa::available() {
        compare(&golden, isa, &pixel_values, &input_ids, &attention_mask);
    }
}

fn compare(
    golden: &Golden,
    isa: Isa,
    pixel_values: &Array4<f32>,
    input_ids: &Array2<i64>,
    attention_mask: &Array2<i64>,
) {
    let runtime = Runtime::new().unwrap().with_isa(isa);
    let model = AlignModel::synthetic(SyntheticModel::AlignBase, WEIGHTS_SEED, &runtime).unwrap();
    let text = TextInput::new(input_ids.view()).with_mask(attention_mask.view());
    let input = AlignInput { text, pixel_values: pixel_values.view() };
    let options = ForwardOptions::default().with_hidden_states(true);
    let output = model.forward(&input, options).unwrap();

    let mut comparison = golden.compare();
    for (i, state) in output.vision_model_output.hidden_states.unwrap().iter().enumerate() {
        comparison.check_sample(&format!("vision.hidden_states.{i}"), state, &sample(state));
    }
    for (i, state) in output.text_model_output.hidden_states.unwrap().iter().enumerate() {
        let state = real_tokens(state);
        comparison.check_sample(&format!("text.hidden_states.{i}"), &state, &sample(&state));
    }
    comparison.check("text.pooler_output", &output.text_model_output.pooler_output.unwrap());
    comparison.check("text_features", &model.get_text_features(&text).unwrap());
    comparison.check("image_features", &model.get_image_features(pixel_values.view()).unwrap());
    comparison.check("text_embeds", &output.text_embeds);
    comparison.check("image_embeds", &output.image_embeds);
    let temperature = model.temperature();
    comparison.check_logits("logits_per_text", &output.logits_per_text, temperature);
    comparison.check_logits("logits_per_image", &output.logits_per_image, temperature);
    comparison.finish();
}
