//! The two layouts of a checkpoint's processor files, and wrong files.

use align_processor::{Dimensions, Filter, ImageProcessorConfig, Size};
use align_testing::processor::fixture;

#[test]
fn both_layouts_say_the_same() {
    let legacy = ImageProcessorConfig::from_pretrained(fixture("legacy")).unwrap();
    let nested = ImageProcessorConfig::from_pretrained(fixture("nested")).unwrap();
    assert_eq!(legacy, nested);
    assert_eq!(legacy.size, Size::Exact(Dimensions::square(346)));
    assert_eq!(legacy.resample, Filter::Bilinear);
    assert!(legacy.rescale_offset && !legacy.include_top);
}

#[test]
fn wrong_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let read = || ImageProcessorConfig::from_pretrained(dir.path());
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let error = || read().unwrap_err().to_string();

    assert!(error().contains("found none of preprocessor_config.json, processor_config.json"));
    write("preprocessor_config.json", "{\"size\": ");
    assert!(error().contains("preprocessor_config.json: not valid JSON: EOF"), "{}", error());
    write("preprocessor_config.json", "{\"size\": \"x\"}");
    assert!(error().contains("preprocessor_config.json: field `size`: expected"), "{}", error());
    write("preprocessor_config.json", "{\"size\": 10}");
    assert!(read().is_ok());
    // A processor_config.json without an image processor changes nothing.
    write("processor_config.json", "{\"processor_class\": \"AlignProcessor\"}");
    assert_eq!(read().unwrap().size, Size::Exact(Dimensions::square(10)));
    // One with an image processor takes precedence.
    write("processor_config.json", "{\"image_processor\": {\"size\": 11}}");
    assert_eq!(read().unwrap().size, Size::Exact(Dimensions::square(11)));
    write("processor_config.json", "{\"image_processor\": 3}");
    assert!(
        error().contains(
            "processor_config.json: field `image_processor`: expected an object, found 3"
        )
    );
}
