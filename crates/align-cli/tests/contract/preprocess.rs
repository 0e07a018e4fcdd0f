//! `align preprocess`.

use crate::run::{Folder, model};
use align_model::ImageProcessor;
use ndarray::{Array4, Axis};
use serde_json::json;

#[test]
fn an_image_becomes_an_array_of_one() {
    let folder = Folder::new();
    let ran = folder.run(&["preprocess", "image", "red.png", "--output", "pixels.npy"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(ran.stderr, "pixels.npy: pixel values [1, 3, 33, 33]\n");
    let values = folder.npy("pixels.npy", "(1, 3, 33, 33)");
    let pixels = Array4::from_shape_vec((1, 3, 33, 33), values).unwrap();
    let processor = ImageProcessor::from_pretrained(model()).unwrap();
    let image = processor.open(folder.path("red.png")).unwrap();
    assert_eq!(pixels, processor.preprocess(&image).unwrap().insert_axis(Axis(0)));
}

#[test]
fn a_bad_image_leaves_no_file() {
    let folder = Folder::new();
    let before = folder.files();
    let run = |image| folder.run(&["preprocess", "image", image, "--output", "pixels.npy"]);
    run("bad.png").fails(1, &["bad.png: not an image"]);
    run("gone.png").fails(1, &["gone.png: No such file"]);
    assert_eq!(folder.files(), before);
}

#[test]
fn texts_become_padded_ids_and_masks() {
    let ran = Folder::new().run(&["preprocess", "text", "A photo of cats.", "unheard"]);
    let mut ids = vec![2, 5, 6, 7, 8, 14, 16, 3];
    let mut mask = vec![1; ids.len()];
    ids.resize(64, 0);
    mask.resize(64, 0);
    let lines = ran.json_lines();
    let expected = json!({"text": "A photo of cats.", "input_ids": ids, "attention_mask": mask});
    assert_eq!(lines[0], expected);
    assert_eq!(lines[1]["input_ids"].as_array().unwrap()[..4], [2, 1, 3, 0]);
}

#[test]
fn a_table_leaves_the_padding_out() {
    let ran = Folder::new().run(&["preprocess", "text", "a cat", "--format", "table"]);
    assert_eq!(ran.stdout, "a cat\n  4 tokens, 60 of padding: [2, 5, 8, 3]\n");
}
