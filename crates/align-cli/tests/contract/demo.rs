//! The demo model gives the right answers to easy questions.

use crate::run::{Folder, Ran};
use std::path::PathBuf;

/// A picture of `fixtures/demo-model/pictures`, the right label, and nine others.
const QUESTIONS: [(&str, [&str; 10]); 5] = [
    (
        "apple.png",
        [
            "a red apple",
            "a banana",
            "a tomato",
            "a strawberry",
            "a car",
            "a dog",
            "a heart",
            "a house",
            "a balloon",
            "a rose",
        ],
    ),
    (
        "dog.png",
        [
            "a dog", "a cat", "a bear", "a horse", "a fish", "a bird", "a flower", "a car",
            "a monkey", "a pizza",
        ],
    ),
    (
        "rainbow.png",
        [
            "a rainbow",
            "a cloud",
            "the sun",
            "an umbrella",
            "a tree",
            "a snake",
            "a bridge",
            "a kite",
            "a mountain",
            "a moon",
        ],
    ),
    (
        "car.png",
        [
            "a car",
            "a bus",
            "a bicycle",
            "an airplane",
            "a ship",
            "a train",
            "a dog",
            "an apple",
            "a house",
            "a shoe",
        ],
    ),
    (
        "smile.png",
        [
            "a smiling face",
            "a crying face",
            "an angry face",
            "a skull",
            "a cat",
            "the sun",
            "a pizza",
            "a clock",
            "a ghost",
            "a robot",
        ],
    ),
];

fn picture(name: &str) -> PathBuf {
    align_testing::fixtures().join("demo-model/pictures").join(name)
}

#[test]
fn obvious_questions_are_answered_right() {
    let folder = Folder::new();
    for (file, labels) in QUESTIONS {
        let path = picture(file);
        let mut command = folder.command(&["classify", "--quiet", "--format", "json"]);
        command.arg(&path).args(labels.iter().flat_map(|label| ["--label", label]));
        let ran = Ran::from_command(&mut command);
        let answers: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(answers[0]["labels"][0]["label"], labels[0], "{file}: {answers}");
    }
}

#[test]
fn it_is_said_in_one_line_that_it_is_used() {
    let folder = Folder::new();
    let path = picture("dog.png");
    let mut command = folder.command(&["classify", "--label", "a dog", "--label", "a cat"]);
    let ran = Ran::from_command(command.arg(path));
    assert_eq!((ran.code, ran.stderr.lines().count()), (0, 1), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("using the demo model"), "{}", ran.stderr);
    let info = Ran::from_command(&mut folder.command(&["info", "--quiet"])).json_lines();
    assert_eq!(info[0]["model"]["path"], "the demo model");
    assert_eq!(info[0]["model"]["non_finite"], serde_json::json!([]));
    let embedded =
        Ran::from_command(&mut folder.command(&["embed", "text", "a dog", "--quiet"])).json_lines();
    assert_eq!(embedded[0]["embedding"].as_array().unwrap().len(), 256);
}
