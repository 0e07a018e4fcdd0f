//! Invariance of embeddings under the batch, the padding, the number of threads and the function
//! that computes them, in every precision.
//!
//! Bits are compared, not values.

mod common;

use align_model::synthetic::{self, SyntheticModel};
use align_model::{
    AlignInput, AlignModel, AlignTextModel, AlignVisionModel, ForwardOptions, Isa, Precision,
    TextInput, TextOptions, VisionOptions, l2_normalize,
};
use align_testing::tiny;
use common::load_options;
use ndarray::{Array2, Array4, Axis, Slice, concatenate};

const BATCHES: [usize; 3] = [1, 3, 8];
const THREADS: [usize; 3] = [1, 2, 4];
const LARGEST: usize = 8;
/// Odd, so that it is no multiple of any tile or vector.
const SIDE: usize = 45;
const VOCABULARY: i64 = 4096;

/// Every instruction set with every precision.
fn everywhere() -> impl Iterator<Item = (Isa, Precision)> {
    let all = |isa| Precision::ALL.map(|precision| (isa, precision));
    Isa::available().into_iter().flat_map(all)
}

fn model(isa: Isa, precision: Precision, threads: usize) -> AlignModel {
    let runtime = load_options(isa, threads).runtime.with_precision(precision);
    AlignModel::synthetic(SyntheticModel::Tiny, 0, &runtime).unwrap()
}

fn images(count: usize) -> Array4<f32> {
    let pixels = (0..count).flat_map(|i| synthetic::image(1, i, 3, SIDE)).collect();
    Array4::from_shape_vec((count, 3, SIDE, SIDE), pixels).unwrap()
}

/// Captions of 1 to 15 tokens, padded to `length` with ids that must not matter.
fn captions(count: usize, length: usize) -> [Array2<i64>; 2] {
    let mut ids = Array2::from_elem((count, length), 77);
    let mut mask = Array2::zeros((count, length));
    for row in 0..count {
        let tokens = synthetic::caption(1, row, 1 + 2 * row, VOCABULARY);
        for (column, id) in tokens.into_iter().enumerate() {
            (ids[[row, column]], mask[[row, column]]) = (id, 1);
        }
    }
    [ids, mask]
}

fn text_features(model: &AlignModel, ids: &Array2<i64>, mask: &Array2<i64>) -> Array2<f32> {
    model.get_text_features(&TextInput::new(ids.view()).with_mask(mask.view())).unwrap()
}

fn bits(features: &Array2<f32>) -> Vec<u32> {
    features.iter().map(|x| x.to_bits()).collect()
}

fn rows<T: Clone>(ids: &Array2<T>, rows: std::ops::Range<usize>) -> Array2<T> {
    ids.slice_axis(Axis(0), Slice::from(rows)).to_owned()
}

#[test]
fn images_are_the_same_in_any_batch_on_any_threads() {
    let images = images(LARGEST);
    for (isa, precision) in everywhere() {
        let expected = bits(&model(isa, precision, 1).get_image_features(images.view()).unwrap());
        for threads in THREADS {
            let model = model(isa, precision, threads);
            for batch in BATCHES {
                let features: Vec<_> = images
                    .axis_chunks_iter(Axis(0), batch)
                    .map(|batch| model.get_image_features(batch).unwrap())
                    .collect();
                let views: Vec<_> = features.iter().map(|f| f.view()).collect();
                let features = concatenate(Axis(0), &views).unwrap();
                assert_eq!(
                    bits(&features),
                    expected,
                    "{isa:?} {precision}, {threads} threads, by {batch}"
                );
            }
        }
    }
}

#[test]
fn texts_are_the_same_in_any_batch_on_any_threads_with_any_padding() {
    for (isa, precision) in everywhere() {
        let [ids, mask] = captions(LARGEST, 64);
        let expected = bits(&text_features(&model(isa, precision, 1), &ids, &mask));
        for threads in THREADS {
            let model = model(isa, precision, threads);
            for batch in BATCHES {
                for length in [15, 16, 64] {
                    let [ids, mask] = captions(LARGEST, length);
                    let features: Vec<_> = (0..LARGEST)
                        .step_by(batch)
                        .map(|first| first..LARGEST.min(first + batch))
                        .map(|r| text_features(&model, &rows(&ids, r.clone()), &rows(&mask, r)))
                        .flat_map(|features| bits(&features))
                        .collect();
                    assert_eq!(
                        features, expected,
                        "{isa:?} {precision}, {threads} threads, by {batch}, padded to {length}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_text_without_padding_needs_no_mask() {
    for (isa, precision) in everywhere() {
        let model = model(isa, precision, 2);
        let [ids, mask] = captions(LARGEST, 15);
        let last = LARGEST - 1..LARGEST;
        let ids = rows(&ids, last.clone());
        let unmasked = model.get_text_features(&TextInput::new(ids.view())).unwrap();
        assert_eq!(bits(&unmasked), bits(&text_features(&model, &ids, &rows(&mask, last))));
    }
}

#[test]
fn a_forward_gives_what_features_give() {
    for (isa, precision) in everywhere() {
        let model = model(isa, precision, 2);
        let images = images(3);
        let [ids, mask] = captions(5, 20);
        let text = TextInput::new(ids.view()).with_mask(mask.view());
        let input = AlignInput { text, pixel_values: images.view() };
        let plain = model.forward(&input, ForwardOptions::default()).unwrap();
        let full = ForwardOptions::default()
            .with_hidden_states(true)
            .with_attentions(true)
            .with_padding(true);
        let full = model.forward(&input, full).unwrap();
        for output in [&plain, &full] {
            let image_features = model.get_image_features(images.view()).unwrap();
            assert_eq!(output.vision_model_output.pooler_output, image_features);
            let text_features = text_features(&model, &ids, &mask);
            assert_eq!(output.text_embeds, l2_normalize(text_features));
            assert_eq!(output.image_embeds, l2_normalize(image_features));
            assert_eq!(output.logits_per_image, output.logits_per_text.t());
        }
        assert_eq!(plain.logits_per_text, full.logits_per_text);
        // Without `padding`, the rows of masked tokens are zero, and all other rows are the same.
        let (plain, full) = (plain.text_model_output, full.text_model_output);
        let states = plain.last_hidden_state.outer_iter().zip(full.last_hidden_state.outer_iter());
        for (row, (plain, full)) in states.enumerate() {
            for (column, (plain, full)) in plain.rows().into_iter().zip(full.rows()).enumerate() {
                if mask[[row, column]] == 1 {
                    assert_eq!(plain, full);
                } else {
                    assert!(plain.iter().all(|&x| x == 0.0) && full.iter().any(|&x| x != 0.0));
                }
            }
        }
    }
}

#[test]
fn a_tower_loaded_alone_gives_the_same() {
    for (isa, precision) in everywhere() {
        let mut options = load_options(isa, 1);
        options.runtime = options.runtime.with_precision(precision);
        let folder = tiny("base");
        let model = AlignModel::from_pretrained_with(&folder, &options).unwrap();
        let text_model = AlignTextModel::from_pretrained_with(&folder, &options).unwrap();
        let vision_model = AlignVisionModel::from_pretrained_with(&folder, &options).unwrap();

        let images = images(2);
        let image_features = model.get_image_features(images.view()).unwrap();
        assert_eq!(vision_model.features(images.view()).unwrap(), image_features);
        let output = vision_model.forward(images.view(), VisionOptions::default()).unwrap();
        assert_eq!(output.pooler_output, image_features);
        assert!(output.hidden_states.is_none());

        let ids = ndarray::array![[5_i64, 9, 60], [1, 2, 3]];
        let text = TextInput::new(ids.view());
        let cls = text_model.cls(&text).unwrap();
        let output = text_model.forward(&text, TextOptions::default()).unwrap();
        assert_eq!(output.last_hidden_state.index_axis(Axis(1), 0), cls);
        assert!(output.hidden_states.is_none() && output.attentions.is_none());
        assert_eq!(model.text_model().cls(&text).unwrap(), cls);
    }
}
