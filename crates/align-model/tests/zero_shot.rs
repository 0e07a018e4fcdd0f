//! Zero-shot classification, compared with the steps that it consists of.

use align_model::{
    AlignInput, AlignModel, AlignProcessor, ForwardOptions, LabelScore, RgbImage, TextInput,
    ZeroShotClassifier, embed_texts, l2_normalize, text_features,
};
use align_testing::checkpoint::write_checkpoint;
use ndarray::{Array4, Axis};
use tempfile::TempDir;

const NONE: &[&str] = &[];

struct Fixture {
    model: AlignModel,
    processor: AlignProcessor,
    pixel_values: Array4<f32>,
    _folder: TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    write_checkpoint(folder.path());
    let processor = AlignProcessor::from_pretrained(folder.path()).unwrap();
    let image = |seed: u32| {
        RgbImage::from_fn(40, 40, |x, y| [x * seed, y * seed, x * y].map(|v| v as u8).into())
    };
    let pixel_values = processor.images(&[image(3), image(5)]).unwrap();
    let model = AlignModel::from_pretrained(folder.path()).unwrap();
    Fixture { model, processor, pixel_values, _folder: folder }
}

impl Fixture {
    fn classifier(&self, labels: &[&str], templates: &[&str]) -> ZeroShotClassifier {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        ZeroShotClassifier::new(&self.model, &self.processor, labels, templates).unwrap()
    }

    /// Logits by image, then by label in the order of the labels.
    fn logits(&self, classifier: &ZeroShotClassifier) -> Vec<Vec<f32>> {
        let scores = classifier.classify(&self.model, self.pixel_values.view()).unwrap();
        let in_order = |scores: &Vec<LabelScore>| {
            let mut logits = vec![f32::NAN; scores.len()];
            scores.iter().for_each(|score| logits[score.label] = score.logit);
            logits
        };
        scores.iter().map(in_order).collect()
    }
}

#[test]
fn without_templates_it_is_the_forward_of_the_labels() {
    let fixture = fixture();
    let labels = ["a cat", "the red dog", "no"];
    let classifier = fixture.classifier(&labels, NONE);
    let texts = fixture.processor.texts(&labels).unwrap();
    let text = TextInput::new(texts.input_ids.view()).with_mask(texts.attention_mask.view());
    let input = AlignInput { text, pixel_values: fixture.pixel_values.view() };
    let output = fixture.model.forward(&input, ForwardOptions::default()).unwrap();
    let logits = output.logits_per_image.outer_iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    assert_eq!(fixture.logits(&classifier), logits);

    let probabilities = fixture.model.probabilities(output.logits_per_image.view());
    let scores = classifier.classify(&fixture.model, fixture.pixel_values.view()).unwrap();
    for (scores, probabilities) in scores.iter().zip(probabilities.rows()) {
        assert!(scores.is_sorted_by(|a, b| a.logit >= b.logit));
        assert!(scores.iter().all(|score| score.probability == probabilities[score.label]));
    }
}

#[test]
fn templates_are_averaged_as_unit_vectors() {
    let fixture = fixture();
    let templates = ["a photo of a {}", "the {}."];
    let labels = ["cat", "dog"];
    let classifier = fixture.classifier(&labels, &templates);
    let features = fixture.model.get_image_features(fixture.pixel_values.view()).unwrap();
    let image_embeds = l2_normalize(features);
    let logits = fixture.logits(&classifier);
    for (l, label) in labels.iter().enumerate() {
        let texts: Vec<_> = templates.iter().map(|t| t.replace("{}", label)).collect();
        let embeds = embed_texts(&fixture.model, &fixture.processor, &texts).unwrap();
        let mean = embeds.mapv(f64::from).mean_axis(Axis(0)).unwrap();
        let mean = &mean / mean.dot(&mean).sqrt();
        for (i, image) in image_embeds.outer_iter().enumerate() {
            let expected =
                image.mapv(f64::from).dot(&mean) / f64::from(fixture.model.temperature());
            // Three roundings of numbers up to 1 in each of two vectors, divided by the temperature.
            let bound = 6.0 * f64::from(f32::EPSILON) / f64::from(fixture.model.temperature());
            assert!((f64::from(logits[i][l]) - expected).abs() <= bound);
        }
    }
}

#[test]
fn many_labels_and_templates_are_those_of_one_at_a_time() {
    let fixture = fixture();
    // 5 templates result in steps of 13 labels: 30 labels are two whole steps and a part.
    let templates = ["a {}", "the {}", "a photo of a {}", "red {}", "{}."];
    let labels: Vec<_> = (0..30).map(|i| "cat ".repeat(i % 7) + "dog").collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let together = fixture.logits(&fixture.classifier(&labels, &templates));
    for (l, label) in labels.iter().enumerate() {
        let alone = fixture.logits(&fixture.classifier(&[label], &templates));
        assert_eq!([together[0][l], together[1][l]], [alone[0][0], alone[1][0]]);
    }
    // More texts than one batch holds: their features are still those of each text alone.
    let many = vec!["a cat"; 150];
    let features = text_features(&fixture.model, &fixture.processor, &many).unwrap();
    assert!(features.outer_iter().all(|row| row == features.row(0)));
}

#[test]
fn mistakes_are_named() {
    let fixture = fixture();
    let new = |labels: &[&str], templates: &[&str]| {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let made = ZeroShotClassifier::new(&fixture.model, &fixture.processor, labels, templates);
        made.expect_err("an error").to_string()
    };
    assert_eq!(new(&[], NONE), "expected at least one label, found none");
    assert_eq!(
        new(&["cat"], &["a {}", "a photo"]),
        "template \"a photo\": expected one {} where the label goes, found 0"
    );
    // The text's index is counted over all batches.
    let mut labels = vec!["cat"; 70];
    let long = "dog ".repeat(63);
    labels.push(&long);
    let message = new(&labels, NONE);
    assert!(message.starts_with("text 70 (\"dog dog"), "{message}");
    assert!(message.contains("has 65 tokens") && message.contains("allows 64"), "{message}");
}
