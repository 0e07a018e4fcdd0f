//! Errors of bad input: each message names what was expected and what was found.

use align_model::{
    AlignConfig, AlignInput, AlignModel, AlignTextModel, AlignVisionModel, Checkpoint,
    CheckpointError, ForwardOptions, ModelError, ReadMode, Runtime, TensorSource, TextInput,
    TextOptions,
};
use align_testing::{error_chain, tiny};
use ndarray::{Array2, Array4, array};
use std::borrow::Cow;

fn base() -> AlignModel {
    AlignModel::from_pretrained(tiny("base")).unwrap()
}

#[track_caller]
fn message<T>(result: Result<T, ModelError>) -> String {
    match result {
        Ok(_) => panic!("expected an error"),
        Err(error) => error_chain(&error),
    }
}

#[test]
fn images_of_the_wrong_shape() {
    let features =
        |shape: [usize; 4]| message(base().get_image_features(Array4::<f32>::zeros(shape).view()));
    assert_eq!(features([1, 1, 33, 33]), "pixel_values: expected 3 channels, found 1");
    assert!(features([1, 3, 4, 4]).contains("an image of 4 x 4 is too small"));
    assert!(features([1, 3, 0, 33]).contains("an image of 0 x 33 is too small"));
    let large = features([1, 3, 33, 1200]);
    assert!(large.contains("33 x 1200") && large.contains("at most 32 x 32"), "{large}");
}

#[test]
fn no_images_and_no_texts_are_no_error() {
    let none = Array4::<f32>::zeros([0, 3, 33, 33]);
    assert_eq!(base().get_image_features(none.view()).unwrap().dim(), (0, 20));
    let none = Array2::<i64>::zeros([0, 5]);
    let features = base().get_text_features(&TextInput::new(none.view())).unwrap();
    assert_eq!(features.dim(), (0, 20));
}

#[test]
fn a_forward_may_have_no_images_or_no_texts() {
    for (texts, images) in [(2, 0), (0, 2), (0, 0)] {
        let (ids, pixels) = (Array2::ones([texts, 3]), Array4::zeros([images, 3, 33, 33]));
        let input = AlignInput { text: TextInput::new(ids.view()), pixel_values: pixels.view() };
        let output = base().forward(&input, ForwardOptions::default()).unwrap();
        assert_eq!(output.logits_per_text.dim(), (texts, images));
        assert_eq!(output.logits_per_image.dim(), (images, texts));
    }
}

#[test]
fn token_ids_that_the_model_does_not_have() {
    let features =
        |ids: Array2<i64>| message(base().get_text_features(&TextInput::new(ids.view())));
    assert_eq!(
        features(array![[1, 2], [3, 61]]),
        "input_ids[1, 1]: expected an id from 0 to 60, found 61"
    );
    assert_eq!(features(array![[-1]]), "input_ids[0, 0]: expected an id from 0 to 60, found -1");
    assert_eq!(
        features(Array2::zeros([2, 21])),
        "input_ids: expected 1 to 20 tokens in a text, found 21"
    );
    assert_eq!(
        features(Array2::zeros([2, 0])),
        "input_ids: expected 1 to 20 tokens in a text, found 0"
    );
}

#[test]
fn masks_types_and_positions_of_the_wrong_kind() {
    let ids = array![[1_i64, 2, 3]];
    let (short, large) = (array![[1_i64, 1]], array![[0_i64, 20, 0]]);
    let input = TextInput::new(ids.view());
    assert_eq!(
        message(base().get_text_features(&input.with_mask(short.view()))),
        "attention_mask: expected the shape of input_ids, [1, 3], found [1, 2]"
    );
    let types = TextInput { token_type_ids: Some(large.view()), ..input };
    assert_eq!(
        message(base().get_text_features(&types)),
        "token_type_ids[0, 1]: expected an id from 0 to 1, found 20"
    );
    let positions = TextInput { position_ids: Some(large.view()), ..input };
    assert_eq!(
        message(base().get_text_features(&positions)),
        "position_ids[0, 1]: expected an id from 0 to 19, found 20"
    );
}

#[test]
fn a_loss_of_unpaired_texts_and_images() {
    let (ids, pixels) = (array![[1_i64], [2]], Array4::<f32>::zeros([3, 3, 33, 33]));
    let input = AlignInput { text: TextInput::new(ids.view()), pixel_values: pixels.view() };
    let options = ForwardOptions::default().with_return_loss(true);
    assert_eq!(
        message(base().forward(&input, options)),
        "the loss needs equal numbers of texts and images: found 2 texts and 3 images"
    );
}

#[test]
fn folders_of_another_kind() {
    let whole = message(AlignModel::from_pretrained(tiny("text-only")));
    assert!(
        whole.ends_with(
            "text-only/config.json: model_type: expected \"align\", found \"align_text_model\""
        ),
        "{whole}"
    );
    let vision = message(AlignVisionModel::from_pretrained(tiny("text-only")));
    assert!(vision.ends_with("expected \"align_vision_model\", found \"align_text_model\""));
    let nowhere = message(AlignTextModel::from_pretrained(tiny("nowhere")));
    assert!(nowhere.contains("nowhere/config.json: cannot read: "), "{nowhere}");
}

/// The configuration contradicts the shapes of the tensors.
#[test]
fn tensors_of_another_shape() {
    let checkpoint = Checkpoint::open(tiny("base"), ReadMode::Read).unwrap();
    let config = AlignConfig::from_pretrained(tiny("base")).unwrap();
    let load = |config| message(AlignModel::from_source(config, &checkpoint, &runtime()));

    let mut longer = config.clone();
    longer.text_config.max_position_embeddings = 21;
    let error = load(longer);
    assert!(
        error.ends_with(
            "model.safetensors: tensor \"text_model.embeddings.position_embeddings.weight\": \
             expected shape [21, 32], found [20, 32]"
        ),
        "{error}"
    );
    let mut deeper = config;
    deeper.text_config.num_hidden_layers = 3;
    let error = load(deeper);
    assert!(error.contains("tensor \"text_model.encoder.layer.2."), "{error}");
    assert!(error.ends_with(" is missing"), "{error}");
}

#[test]
fn a_configuration_is_checked_however_it_comes() {
    let checkpoint = Checkpoint::open(tiny("base"), ReadMode::Read).unwrap();
    let mut config = AlignConfig::from_pretrained(tiny("base")).unwrap();
    config.text_config.num_attention_heads = 0;
    assert_eq!(
        message(AlignModel::from_source(config.clone(), &checkpoint, &runtime())),
        "text_config.num_attention_heads: expected 1 to 32, found 0"
    );
    let error = AlignTextModel::from_source(&config.text_config, &checkpoint, &runtime());
    assert_eq!(message(error), "num_attention_heads: expected 1 to 32, found 0");
}

/// A checkpoint with another temperature.
struct WithTemperature(Checkpoint, f32);

impl TensorSource for WithTemperature {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [f32]>, CheckpointError> {
        let tensor = self.0.tensor(name, shape)?;
        Ok(if name == "temperature" { vec![self.1].into() } else { tensor })
    }

    fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

#[test]
fn a_temperature_that_cannot_divide() {
    let config = AlignConfig::from_pretrained(tiny("base")).unwrap();
    for temperature in [0.0, -0.0, f32::NAN, f32::INFINITY] {
        let checkpoint = Checkpoint::open(tiny("base"), ReadMode::Mmap).unwrap();
        let source = WithTemperature(checkpoint, temperature);
        assert_eq!(
            message(AlignModel::from_source(config.clone(), &source, &runtime())),
            format!(
                "tensor \"temperature\": expected a finite number other than 0, found {temperature}"
            )
        );
    }
}

#[test]
fn a_wholly_masked_text_gives_numbers() {
    let ids = array![[4_i64, 5, 6]];
    let mask = array![[0_i64, 0, 0]];
    let features =
        base().get_text_features(&TextInput::new(ids.view()).with_mask(mask.view())).unwrap();
    assert!(features.iter().all(|x| x.is_finite()));
    let model = AlignTextModel::from_pretrained(tiny("base")).unwrap();
    let input = TextInput::new(ids.view()).with_mask(mask.view());
    let output = model.forward(&input, TextOptions::new().with_padding(true));
    assert!(output.unwrap().last_hidden_state.iter().all(|x| x.is_finite()));
}

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}
