//! Conversion: a converted checkpoint computes the bits of its original in that precision.

mod common;

use align_model::{
    AlignInput, AlignModel, AlignTextModel, AlignVisionModel, Conversion, ForwardOptions, Isa,
    LoadOptions, ModelError, Precision, TextInput, TextOptions, TextOutput, VisionOptions,
    VisionOutput,
};
use align_testing::checkpoint::write_checkpoint;
use align_testing::golden::Golden;
use align_testing::{error_chain, tiny};
use common::load_options;
use ndarray::{Array2, Array4};
use std::path::Path;
use tempfile::TempDir;

const PRECISIONS: [Precision; 2] = [Precision::Bf16, Precision::Int8];

/// A converted copy of a folder.
fn converted(folder: &Path, precision: Precision) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("config.json"), copy.path().join("config.json")).unwrap();
    Conversion::from_pretrained(folder, precision).unwrap().write(copy.path()).unwrap();
    copy
}

fn options(isa: Isa, precision: Option<Precision>) -> LoadOptions {
    let mut options = load_options(isa, 1);
    options.runtime.requested_precision = precision;
    options
}

fn bits<'a>(values: impl IntoIterator<Item = &'a f32>) -> Vec<u32> {
    values.into_iter().map(|x| x.to_bits()).collect()
}

/// The bits of every output of a text tower.
fn text_bits(output: &TextOutput) -> Vec<u32> {
    let states = output.hidden_states.as_ref().unwrap().iter().flatten();
    bits(states.chain(output.pooler_output.iter().flatten()))
}

/// The bits of every output of a vision tower.
fn vision_bits(output: &VisionOutput) -> Vec<u32> {
    bits(output.hidden_states.as_ref().unwrap().iter().flatten().chain(&output.pooler_output))
}

/// The bits of every output of a folder's model for the inputs of a golden file.
fn answers(folder: &Path, options: &LoadOptions, golden: &Golden) -> Vec<u32> {
    let ids = golden.ids("input_ids").map(|ids: Array2<i64>| (ids, golden.ids("attention_mask")));
    let pixels: Option<Array4<f32>> = golden.pixel_values();
    let text = ids.as_ref().map(|(ids, mask)| TextInput {
        attention_mask: mask.as_ref().map(|mask| mask.view()),
        ..TextInput::new(ids.view())
    });
    let mut bits = Vec::new();
    if let Some(text) = &text {
        let model = AlignTextModel::from_pretrained_with(folder, options).unwrap();
        let all = TextOptions::new().with_hidden_states(true);
        bits.extend(text_bits(&model.forward(text, all).unwrap()));
    }
    if let Some(pixels) = &pixels {
        let model = AlignVisionModel::from_pretrained_with(folder, options).unwrap();
        let all = VisionOptions::new().with_hidden_states(true);
        bits.extend(vision_bits(&model.forward(pixels.view(), all).unwrap()));
    }
    if let (Some(text), Some(pixels)) = (text, &pixels) {
        let model = AlignModel::from_pretrained_with(folder, options).unwrap();
        let input = AlignInput { text, pixel_values: pixels.view() };
        let output = model.forward(&input, ForwardOptions::default()).unwrap();
        bits.extend(output.logits_per_text.iter().map(|x| x.to_bits()));
    }
    assert!(!bits.is_empty());
    bits
}

#[test]
fn bits_are_those_of_converting_at_load() {
    let folders = [
        "base",
        "half-f16",
        "half-bf16",
        "sharded",
        "minimal",
        "legacy",
        "text-only",
        "vision-only",
    ];
    for folder in folders.map(tiny) {
        let golden = Golden::open(&folder.join("golden.safetensors"));
        for precision in PRECISIONS {
            let copy = converted(&folder, precision);
            for isa in Isa::available() {
                let expected = answers(&folder, &options(isa, Some(precision)), &golden);
                for asked in [None, Some(precision)] {
                    let found = answers(copy.path(), &options(isa, asked), &golden);
                    assert!(found == expected, "{} {isa:?} {precision}", folder.display());
                }
            }
        }
    }
}

#[test]
fn files_are_half_or_less() {
    let folder = tempfile::tempdir().unwrap();
    write_checkpoint(folder.path());
    let size = |folder: &Path| folder.join("model.safetensors").metadata().unwrap().len() as f64;
    let share = |precision| size(converted(folder.path(), precision).path()) / size(folder.path());
    // Biases, norms, squeeze-excite and depthwise weights keep their full size.
    let (bf16, int8) = (share(Precision::Bf16), share(Precision::Int8));
    assert!(bf16 < 0.62 && int8 < bf16, "{bf16} {int8}");
}

#[test]
fn bf16_serves_other_precisions_and_int8_refuses_them() {
    let folder = tiny("base");
    let golden = Golden::open(&folder.join("golden.safetensors"));
    let isa = Isa::best();
    let copy = converted(&folder, Precision::Bf16);
    let bf16 = answers(copy.path(), &options(isa, None), &golden);
    for precision in [Precision::F32, Precision::Bf16x3, Precision::Int8] {
        // It computes with the rounded weights, so its bits are neither the original's nor bf16's.
        let found = answers(copy.path(), &options(isa, Some(precision)), &golden);
        assert!(found != bf16, "{precision}");
        assert!(found != answers(&folder, &options(isa, Some(precision)), &golden), "{precision}");
    }
    let copy = converted(&folder, Precision::Int8);
    for precision in [Precision::F32, Precision::Bf16x3, Precision::Bf16] {
        let loaded = AlignModel::from_pretrained_with(copy.path(), &options(isa, Some(precision)));
        let message = loaded.err().unwrap().to_string();
        assert!(message.contains("model.safetensors: holds weights of 8 bits"), "{message}");
    }
    let model = AlignModel::from_pretrained(copy.path()).unwrap();
    assert_eq!(model.precision(), Precision::Int8);
}

#[test]
fn mistakes_are_named() {
    let message = |converted: Result<Conversion, ModelError>| converted.unwrap_err().to_string();
    let base = tiny("base");
    for precision in [Precision::F32, Precision::Bf16x3] {
        assert_eq!(
            message(Conversion::from_pretrained(&base, precision)),
            format!(
                "expected a precision with weights of its own, bf16 or int8, found {precision}"
            )
        );
    }
    let copy = converted(&base, Precision::Bf16);
    let again = message(Conversion::from_pretrained(copy.path(), Precision::Int8));
    assert!(again.ends_with("has been converted before, to bf16: expected an original checkpoint"));
    assert!(
        message(Conversion::from_pretrained(tiny("nowhere"), Precision::Bf16))
            .contains("cannot read")
    );

    // A precision that this version does not know.
    let file = copy.path().join("model.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let from = br#""align.precision":"bf16""#;
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    let mut changed = bytes;
    changed[at..at + from.len()].copy_from_slice(br#""align.precision":"int4""#);
    std::fs::write(&file, changed).unwrap();
    let message = error_chain(&AlignModel::from_pretrained(copy.path()).err().unwrap());
    assert!(message.contains("converted by another version: precision \"int4\""), "{message}");
}
