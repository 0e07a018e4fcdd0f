//! Every output of every tiny checkpoint, compared with the oracle on every instruction set.

mod common;

use align_model::{
    AlignInput, AlignModel, AlignTextModel, AlignVisionModel, ForwardOptions, Isa, TextInput,
    TextOptions, TextOutput, VisionOptions, VisionOutput,
};
use align_testing::golden::{Comparison, Golden};
use align_testing::tiny;
use common::load_options;
use ndarray::Array2;

/// The text inputs of a golden file.
struct Texts {
    input_ids: Array2<i64>,
    attention_mask: Option<Array2<i64>>,
    token_type_ids: Option<Array2<i64>>,
    position_ids: Option<Array2<i64>>,
}

impl Texts {
    fn from_golden(golden: &Golden) -> Option<Self> {
        Some(Self {
            input_ids: golden.ids("input_ids")?,
            attention_mask: golden.ids("attention_mask"),
            token_type_ids: golden.ids("token_type_ids"),
            position_ids: golden.ids("position_ids"),
        })
    }

    fn input(&self) -> TextInput<'_> {
        TextInput {
            input_ids: self.input_ids.view(),
            attention_mask: self.attention_mask.as_ref().map(|a| a.view()),
            token_type_ids: self.token_type_ids.as_ref().map(|a| a.view()),
            position_ids: self.position_ids.as_ref().map(|a| a.view()),
        }
    }
}

fn compare_text(comparison: &mut Comparison<'_>, output: &TextOutput) {
    comparison.check("text.last_hidden_state", &output.last_hidden_state);
    comparison.check("text.pooler_output", output.pooler_output.as_ref().unwrap());
    comparison.check_all("text.hidden_states", output.hidden_states.as_ref().unwrap());
    comparison.check_all("text.attentions", output.attentions.as_ref().unwrap());
}

fn compare_vision(comparison: &mut Comparison<'_>, output: &VisionOutput) {
    comparison.check("vision.last_hidden_state", &output.last_hidden_state);
    comparison.check("vision.pooler_output", &output.pooler_output);
    comparison.check_all("vision.hidden_states", output.hidden_states.as_ref().unwrap());
}

const TEXT_OPTIONS: TextOptions =
    TextOptions::new().with_hidden_states(true).with_attentions(true).with_padding(true);
const VISION_OPTIONS: VisionOptions = VisionOptions::new().with_hidden_states(true);

/// All calls of a whole model's folder.
fn compare_model(name: &str) {
    for isa in Isa::available() {
        let options = load_options(isa, 1);
        let model = AlignModel::from_pretrained_with(tiny(name), &options).unwrap();
        let text_model = AlignTextModel::from_pretrained_with(tiny(name), &options).unwrap();
        let vision_model = AlignVisionModel::from_pretrained_with(tiny(name), &options).unwrap();
        for golden in Golden::all(&tiny(name)) {
            let mut comparison = golden.compare();
            let (texts, pixels) = (Texts::from_golden(&golden), golden.pixel_values());
            if let Some(texts) = &texts {
                let output = text_model.forward(&texts.input(), TEXT_OPTIONS).unwrap();
                compare_text(&mut comparison, &output);
                let features = model.get_text_features(&texts.input()).unwrap();
                comparison.check("text_features", &features);
            }
            if let Some(pixels) = &pixels {
                let output = vision_model.forward(pixels.view(), VISION_OPTIONS).unwrap();
                compare_vision(&mut comparison, &output);
                let features = model.get_image_features(pixels.view()).unwrap();
                comparison.check("image_features", &features);
            }
            if let (Some(texts), Some(pixels)) = (&texts, &pixels) {
                let input = AlignInput { text: texts.input(), pixel_values: pixels.view() };
                let options = ForwardOptions::default()
                    .with_return_loss(golden.contains("loss"))
                    .with_hidden_states(true)
                    .with_attentions(true)
                    .with_padding(true);
                let output = model.forward(&input, options).unwrap();
                compare_text(&mut comparison, &output.text_model_output);
                compare_vision(&mut comparison, &output.vision_model_output);
                comparison.check("text_embeds", &output.text_embeds);
                comparison.check("image_embeds", &output.image_embeds);
                let temperature = model.temperature();
                comparison.check_logits("logits_per_text", &output.logits_per_text, temperature);
                comparison.check_logits("logits_per_image", &output.logits_per_image, temperature);
                if let Some(loss) = output.loss {
                    comparison.check_scalar("loss", loss);
                }
            }
            comparison.finish();
        }
    }
}

#[test]
fn base() {
    compare_model("base");
}

#[test]
fn padding() {
    compare_model("padding");
}

#[test]
fn gray() {
    compare_model("gray");
}

#[test]
fn half_f16() {
    compare_model("half-f16");
}

#[test]
fn half_bf16() {
    compare_model("half-bf16");
}

#[test]
fn sharded() {
    compare_model("sharded");
}

#[test]
fn legacy() {
    compare_model("legacy");
}

#[test]
fn masks() {
    compare_model("masks");
}

#[test]
fn minimal() {
    compare_model("minimal");
}

#[test]
fn text_only() {
    for isa in Isa::available() {
        let options = load_options(isa, 1);
        let model = AlignTextModel::from_pretrained_with(tiny("text-only"), &options).unwrap();
        for golden in Golden::all(&tiny("text-only")) {
            let texts = Texts::from_golden(&golden).unwrap();
            let mut comparison = golden.compare();
            let output = model.forward(&texts.input(), TEXT_OPTIONS).unwrap();
            compare_text(&mut comparison, &output);
            comparison.finish();
        }
    }
}

#[test]
fn vision_only() {
    for isa in Isa::available() {
        let options = load_options(isa, 1);
        let model = AlignVisionModel::from_pretrained_with(tiny("vision-only"), &options).unwrap();
        for golden in Golden::all(&tiny("vision-only")) {
            let mut comparison = golden.compare();
            let pixels = golden.pixel_values().unwrap();
            let output = model.forward(pixels.view(), VISION_OPTIONS).unwrap();
            compare_vision(&mut comparison, &output);
            comparison.finish();
        }
    }
}

/// Fails if a folder has no test above.
#[test]
fn every_folder_is_compared() {
    let mut folders: Vec<_> = std::fs::read_dir(align_testing::fixtures().join("tiny"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(
        folders,
        [
            "base",
            "gray",
            "half-bf16",
            "half-f16",
            "legacy",
            "masks",
            "minimal",
            "padding",
            "sharded",
            "text-only",
            "vision-only"
        ]
    );
}
