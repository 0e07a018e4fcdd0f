//! `align embed`.

use crate::run::{Folder, model};
use align_model::{AlignModel, AlignProcessor, l2_normalize, text_features};
use ndarray::Array2;
use serde_json::Value;

fn embeddings(lines: &[Value]) -> Vec<Vec<f32>> {
    lines.iter().map(|line| serde_json::from_value(line["embedding"].clone()).unwrap()).collect()
}

fn rows(array: &Array2<f32>) -> Vec<Vec<f32>> {
    array.rows().into_iter().map(|row| row.to_vec()).collect()
}

/// The rows of a `.npy` file of this shape.
fn npy(folder: &Folder, name: &str, shape: [usize; 2]) -> Vec<Vec<f32>> {
    let values = folder.npy(name, &format!("({}, {})", shape[0], shape[1]));
    rows(&Array2::from_shape_vec(shape, values).unwrap())
}

#[test]
fn texts_are_what_the_library_gives() {
    let texts = ["a photo of a cat", "the dog", ""];
    let processor = AlignProcessor::from_pretrained(model()).unwrap();
    let features = AlignModel::from_pretrained(model())
        .and_then(|model| text_features(&model, &processor, &texts))
        .unwrap();

    let folder = Folder::new();
    let raw = folder.run(&[&["embed", "text", "--raw"], &texts[..]].concat()).json_lines();
    let names: Vec<_> = raw.iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(names, texts);
    assert_eq!(embeddings(&raw), rows(&features));
    assert_eq!(raw[0].as_object().unwrap().len(), 2);

    let unit = folder.run(&[&["embed", "text"], &texts[..]].concat()).json_lines();
    assert_eq!(embeddings(&unit), rows(&l2_normalize(features)));
    let piped = folder.run_with_input(&["embed", "text", "-"], "a photo of a cat\nthe dog\n\n");
    assert_eq!(piped.json_lines(), unit);
}

#[test]
fn images_are_what_the_library_gives() {
    let folder = Folder::new();
    let processor = AlignProcessor::from_pretrained(model()).unwrap();
    let open = |name| processor.image_processor().open(folder.path(name)).unwrap();
    let pixels = processor.images(&[open("red.png"), open("blue.png")]).unwrap();
    let model = AlignModel::from_pretrained(model()).unwrap();
    let features = model.get_image_features(pixels.view()).unwrap();

    let lines = folder.run(&["embed", "image", "--raw", "red.png", "blue.png"]).json_lines();
    assert_eq!([&lines[0]["image"], &lines[1]["image"]], ["red.png", "blue.png"]);
    assert_eq!(embeddings(&lines), rows(&features));
    // Twenty images run in three batches, and their bits do not depend on the batch.
    let many = folder.run(&[&["embed", "image", "--raw"], &["red.png"; 20][..]].concat());
    let many = embeddings(&many.json_lines());
    assert!(many.len() == 20 && many.iter().all(|row| *row == many[0]));
    assert_eq!(many[0], rows(&features)[0]);
}

#[test]
fn files_hold_the_same_by_their_extension() {
    let folder = Folder::new();
    let embed = |rest: &[&str]| folder.run(&[&["embed", "text", "a cat", "dogs"], rest].concat());
    let printed = embed(&[]);
    for name in ["out.npy", "out.jsonl", "out.safetensors"] {
        let ran = embed(&["--output", name]);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
    }
    let expected = embeddings(&printed.json_lines());
    assert_eq!(npy(&folder, "out.npy", [2, 160]), expected);
    assert_eq!(std::fs::read_to_string(folder.path("out.jsonl")).unwrap(), printed.stdout);

    let bytes = std::fs::read(folder.path("out.safetensors")).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["text"], r#"["a cat","dogs"]"#);
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor("embeddings").unwrap();
    assert_eq!((tensor.dtype(), tensor.shape()), (safetensors::Dtype::F32, &[2, 160][..]));
    let values: Vec<f32> =
        tensor.data().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(values, expected.concat());
}

#[test]
fn skipped_images_have_no_row() {
    let folder = Folder::new();
    let arguments = ["embed", "image", "red.png", "bad.png", "blue.png", "--output", "out.npy"];
    let ran = folder.run(&arguments);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("bad.png: not an image"), "{}", ran.stderr);
    assert_eq!(npy(&folder, "out.npy", [2, 160]).len(), 2);
}

#[test]
fn a_file_is_there_in_full_or_not_at_all() {
    let folder = Folder::new();
    folder.write("out.npy", "what was there");
    let before = folder.files();
    let long = "cat ".repeat(80);
    folder
        .run(&["embed", "text", "a cat", &long, "--output", "out.npy"])
        .fails(1, &["text 1 (\"cat cat", "has 82 tokens"]);
    assert_eq!(folder.files(), before);
    assert_eq!(std::fs::read_to_string(folder.path("out.npy")).unwrap(), "what was there");

    folder
        .run(&["embed", "text", "a cat", "--output", "no/folder/out.npy"])
        .fails(1, &["no/folder/out.npy: cannot write: No such file"]);
    assert_eq!(folder.files(), before);
}

#[test]
fn table_and_json() {
    let folder = Folder::new();
    let run = |format| folder.run(&["embed", "text", "a cat", "dogs", "--format", format]);
    let json: Value = serde_json::from_str(&run("json").stdout).unwrap();
    assert_eq!(json, Value::Array(run("jsonl").json_lines()));
    assert!(run("table").stdout.starts_with("a cat\n  160 values: "));
}
