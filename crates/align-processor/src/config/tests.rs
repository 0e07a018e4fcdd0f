//! Tests of reading, checking and applying a config.

use super::*;
use serde_json::json;

fn read(value: Value) -> Result<ImageProcessorConfig, ProcessorError> {
    ImageProcessorConfig::from_json(value.as_object().unwrap())
}

#[test]
fn the_published_config() {
    let config = read(json!({
        "crop_size": {"height": 289, "width": 289}, "do_center_crop": true, "do_normalize": false,
        "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "EfficientNetImageProcessor", "image_std": [0.5, 0.5, 0.5],
        "include_top": false, "resample": 2, "rescale_factor": 0.00784313725490196,
        "rescale_offset": true, "size": {"height": 346, "width": 346}
    }))
    .unwrap();
    let expected = ImageProcessorConfig {
        resample: Filter::Bilinear,
        do_center_crop: true,
        rescale_factor: 0.00784313725490196,
        rescale_offset: true,
        do_normalize: false,
        include_top: false,
        ..Default::default()
    };
    assert_eq!(config, expected);
}

#[test]
fn missing_and_null_fields_take_the_defaults() {
    assert_eq!(read(json!({})).unwrap(), ImageProcessorConfig::default());
    let nulls = json!({"size": null, "resample": null, "image_mean": null, "do_resize": null});
    assert_eq!(read(nulls).unwrap(), ImageProcessorConfig::default());
}

#[test]
fn every_form_of_size() {
    let size = |value: Value| read(json!({"size": value})).unwrap().size;
    let exact = |height, width| Size::Exact(Dimensions { height, width });
    assert_eq!(size(json!(5)), exact(5, 5));
    assert_eq!(size(json!([5, 6])), exact(5, 6));
    assert_eq!(size(json!({"height": 5, "width": 6})), exact(5, 6));
    assert_eq!(size(json!({"shortest_edge": 5})), Size::ShortestEdge(5));
    let edges = Size::Edges { shortest: 5, longest: 9 };
    assert_eq!(size(json!({"shortest_edge": 5, "longest_edge": 9})), edges);
    let within = Size::Within(Dimensions { height: 5, width: 6 });
    assert_eq!(size(json!({"max_height": 5, "max_width": 6})), within);
    let not_square = read(json!({"size": 5, "default_to_square": false})).unwrap();
    assert_eq!(not_square.size, Size::ShortestEdge(5));
}

#[test]
fn wrong_fields_are_named_with_what_was_expected_and_found() {
    let side = "expected an integer from 1 to 16384";
    for (config, message) in [
        (json!({"do_resize": 1}), "`do_resize`: expected true or false, found 1"),
        (json!({"size": "big"}), "`size`: expected an integer, [height, width], or an object"),
        (json!({"size": {"width": 3}}), "found {\"width\":3}"),
        (json!({"size": 0}), &format!("`size`: {side}, found 0")),
        (json!({"size": -3}), &format!("`size`: {side}, found -3")),
        (json!({"size": 2.5}), &format!("`size`: {side}, found 2.5")),
        (json!({"size": 1e30}), &format!("`size`: {side}, found 1e")),
        (json!({"size": {"height": 70000, "width": 3}}), &format!("`size.height`: {side}")),
        (json!({"size": {"longest_edge": 3}}), "found {\"longest_edge\":3}"),
        (json!({"crop_size": {"shortest_edge": 3}}), "an object with height and width, found"),
        (json!({"crop_size": {"height": 3, "width": 0}}), &format!("`crop_size.width`: {side}")),
        (json!({"crop_size": true}), "`crop_size`: expected an integer"),
        (json!({"resample": 8}), "`resample`: expected 0 nearest"),
        (json!({"resample": "bicubic"}), "7 MKS 2021, found \"bicubic\""),
        (json!({"rescale_factor": "1/255"}), "`rescale_factor`: expected a finite number above 0"),
        (
            json!({"rescale_factor": 0}),
            "`rescale_factor`: expected a finite number above 0, found 0",
        ),
        (json!({"image_mean": ["a"]}), "`image_mean`: expected a number, or a list of one number"),
        (json!({"image_mean": []}), "`image_mean`: expected a number, or a list"),
        (json!({"image_mean": 1e39}), "`image_mean`: expected finite numbers, found"),
        (
            json!({"image_std": [0.5, 0.0, 0.5]}),
            "`image_std`: expected finite numbers above 0, found 0",
        ),
        (json!({"image_std": -1}), "`image_std`: expected finite numbers above 0, found -1"),
    ] {
        let error = read(config.clone()).unwrap_err().to_string();
        assert!(error.contains(message), "{config}: {error}");
    }
}

#[test]
fn targets_keep_the_shape() {
    let target = |size: Size, height, width| size.target(Dimensions { height, width });
    let dims = |height, width| Dimensions { height, width };
    assert_eq!(target(Size::ShortestEdge(10), 30, 20).unwrap(), dims(15, 10));
    assert_eq!(target(Size::ShortestEdge(10), 20, 31).unwrap(), dims(10, 15));
    let edges = Size::Edges { shortest: 10, longest: 12 };
    assert_eq!(target(edges, 30, 20).unwrap(), dims(12, 8));
    assert_eq!(target(edges, 20, 20).unwrap(), dims(10, 10));
    let within = Size::Within(dims(10, 40));
    assert_eq!(target(within, 20, 30).unwrap(), dims(10, 15));
    let error = target(Size::ShortestEdge(346), 1, 60_000).unwrap_err();
    assert_eq!(
        error.to_string(),
        "resizing a 1x60000 (height x width) image by `size` results in 346x20760000 \
         (height x width); each side must be 1 to 16384"
    );
    assert!(target(within, 1, 60_000).is_err(), "no rows would be left");
}

#[test]
fn any_other_config_has_other_settings() {
    let changes = json!({
        "do_resize": false, "size": 7, "resample": 0, "do_center_crop": true, "crop_size": 7,
        "do_rescale": false, "rescale_factor": 0.1, "rescale_offset": true, "do_normalize": false,
        "image_mean": 0.25, "image_std": [0.5, 0.25, 0.5], "include_top": false,
    });
    let default = ImageProcessorConfig::default().settings();
    for (field, value) in changes.as_object().unwrap() {
        let changed = read(json!({ field: value })).unwrap().settings();
        let differing: Vec<_> =
            default.iter().zip(&changed).filter(|(a, b)| a != b).map(|(a, _)| a.0).collect();
        assert_eq!(differing, [field]);
    }
    let sizes = [
        json!(7),
        json!({"shortest_edge": 7}),
        json!({"shortest_edge": 7, "longest_edge": 9}),
        json!({"max_height": 7, "max_width": 7}),
    ];
    let texts: Vec<_> =
        sizes.map(|size| read(json!({ "size": size })).unwrap().settings()[1].1.clone()).into();
    let expected = ["7x7", "shortest edge 7", "shortest edge 7, longest edge 9", "within 7x7"];
    assert_eq!(texts, expected);
}
