//! `align classify`.

use crate::run::{Folder, model};
use align_testing::checkpoint::write_weights;
use serde_json::Value;
use std::process::Stdio;

fn labels(line: &Value) -> Vec<&str> {
    let labels = line["labels"].as_array().unwrap();
    labels.iter().map(|label| label["label"].as_str().unwrap()).collect()
}

fn numbers(line: &Value, field: &str) -> Vec<f64> {
    let labels = line["labels"].as_array().unwrap();
    labels.iter().map(|label| label[field].as_f64().unwrap()).collect()
}

#[test]
fn a_line_for_each_image_most_probable_label_first() {
    let ran = Folder::new().run(&[
        "classify", "red.png", "blue.png", "--label", "a cat", "--label", "the dog", "-l", "red",
    ]);
    let lines = ran.json_lines();
    assert_eq!([&lines[0]["image"], &lines[1]["image"]], ["red.png", "blue.png"]);
    for line in &lines {
        let mut sorted = labels(line);
        sorted.sort();
        assert_eq!(sorted, ["a cat", "red", "the dog"]);
        let (logits, probabilities) = (numbers(line, "logit"), numbers(line, "probability"));
        assert!(logits.is_sorted_by(|a, b| a >= b));
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        for (logit, probability) in logits.iter().zip(&probabilities) {
            // Both are f32 numbers printed in full, so the error is a few roundings of numbers below 1.
            assert!((probability - logit.exp() / sum).abs() <= 4e-7 * (1.0 + logit.abs()));
        }
        assert_eq!(line.as_object().unwrap().len(), 2);
        assert_eq!(line["labels"][0].as_object().unwrap().len(), 3);
    }
    assert_ne!(numbers(&lines[0], "logit"), numbers(&lines[1], "logit"));
}

#[test]
fn labels_follow_one_flag_or_come_from_a_file() {
    let folder = Folder::new();
    folder.write("labels.txt", "a cat\r\n\n  the dog \n");
    let by_flag = folder.run(&["classify", "red.png", "--label", "a cat", "the dog"]);
    let by_file = folder.run(&["classify", "red.png", "--labels-file", "labels.txt"]);
    assert_eq!(by_flag.json_lines(), by_file.json_lines());
    let both = folder.run(&["classify", "red.png", "-l", "red", "--labels-file", "labels.txt"]);
    assert_eq!(labels(&both.json_lines()[0]).len(), 3);

    folder.write("empty.txt", " \n");
    folder
        .run(&["classify", "red.png", "--labels-file", "empty.txt"])
        .fails(2, &["empty.txt: expected a label on a line, found none"]);
    folder
        .run(&["classify", "red.png", "--labels-file", "gone.txt"])
        .fails(1, &["gone.txt: No such file"]);
}

#[test]
fn one_template_is_the_text_around_the_label() {
    let folder = Folder::new();
    let logit = |arguments: &[&str]| {
        let ran = folder.run(&[&["classify", "red.png"], arguments].concat());
        numbers(&ran.json_lines()[0], "logit")[0]
    };
    let filled = logit(&["-l", "a photo of a cat"]);
    let template = logit(&["-l", "cat", "--template", "a photo of a {}"]);
    // Normalising a unit vector again may change it by one or two roundings.
    assert!((filled - template).abs() <= 1e-5 * filled.abs().max(1.0), "{filled} {template}");
    let several = logit(&["-l", "cat", "-t", "a photo of a {}", "-t", "the red {}"]);
    assert_ne!(several, template);
}

#[test]
fn top_limits_what_is_shown_but_not_the_probabilities() {
    let folder = Folder::new();
    let run = |top: &[&str]| {
        let arguments = [&["classify", "red.png", "-l", "a", "-l", "cat", "-l", "dog"], top];
        folder.run(&arguments.concat()).json_lines()[0]["labels"].clone()
    };
    let (all, first) = (run(&[]), run(&["--top", "1"]));
    assert_eq!(first.as_array().unwrap().len(), 1);
    assert_eq!(first[0], all[0]);
    assert_eq!(run(&["--top", "9"]), all);
}

#[test]
fn a_bad_image_is_reported_and_skipped() {
    let folder = Folder::new();
    let arguments =
        ["classify", "red.png", "bad.png", "gone.png", "blue.png", "-l", "a", "-l", "no"];
    let ran = folder.run(&arguments);
    assert_eq!(ran.code, 1);
    let images: Vec<_> = ran.lines_of_json().iter().map(|l| l["image"].clone()).collect();
    assert_eq!(images, ["red.png", "blue.png"]);
    assert!(ran.stderr.contains("error: bad.png: not an image"), "{}", ran.stderr);
    assert!(ran.stderr.contains("gone.png: No such file"), "{}", ran.stderr);
    assert!(ran.stderr.contains("2 of 4 images skipped"), "{}", ran.stderr);

    let kept = folder.run(&[&arguments[..], &["--keep-going"]].concat());
    assert_eq!((kept.code, &kept.stdout), (0, &ran.stdout));
    let quiet = folder.run(&[&arguments[..], &["--quiet"]].concat());
    assert!(quiet.stderr.contains("bad.png") && !quiet.stderr.contains("skipped"));
}

#[test]
fn paths_come_from_standard_input_too() {
    let folder = Folder::new();
    let piped = folder.run_with_input(&["classify", "-", "-l", "a"], "red.png\n\nblue.png\n");
    let given = folder.run(&["classify", "red.png", "blue.png", "-l", "a"]);
    assert_eq!(piped.json_lines(), given.json_lines());
}

#[test]
fn formats() {
    let folder = Folder::new();
    let run = |format: &str| {
        let arguments = ["classify", "red.png", "blue.png", "-l", "a", "-l", "cat"];
        folder.run(&[&arguments[..], &["--format", format]].concat())
    };
    let lines = run("jsonl").json_lines();
    let json: Value = serde_json::from_str(&run("json").stdout).unwrap();
    assert_eq!(json, Value::Array(lines));
    let table = run("table").stdout;
    assert!(table.starts_with("red.png\n  ") && table.contains("\nblue.png\n"), "{table}");
    assert_eq!(table.matches(" %").count(), 4);
    let none = folder.run(&["classify", "bad.png", "-l", "a", "--format", "json"]);
    assert_eq!((none.code, none.stdout.as_str()), (1, "[]\n"));
}

#[test]
fn a_text_that_is_too_long_is_an_error() {
    let label = "cat ".repeat(63);
    Folder::new()
        .run(&["classify", "red.png", "-l", "a", "-l", &label])
        .fails(1, &["text 1 (\"cat cat", "has 65 tokens", "allows 64"]);
}

#[test]
fn weights_that_are_no_numbers_are_not_taken_for_an_answer() {
    let folder = Folder::new();
    let broken = folder.path("broken");
    std::fs::create_dir(&broken).unwrap();
    for entry in std::fs::read_dir(model()).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), broken.join(entry.file_name())).unwrap();
    }
    write_weights(&broken, |name, values| {
        if name.ends_with("projection.project_bn.bias") {
            values[0] = f32::NAN;
        }
    });
    let ran = folder.run(&["classify", "red.png", "-l", "a", "--model", "broken"]);
    ran.fails(1, &["red.png: the model gives no finite embedding; see `align info`"]);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let folder = Folder::new();
    let mut command = folder.command(&["embed", "text", "-"]);
    command.env("ALIGN_MODEL", model());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let feed = std::thread::spawn(move || {
        use std::io::Write;
        let _ = stdin.write_all("a cat\n".repeat(2000).as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
