//! `align convert`.

use crate::run::{Folder, Ran, model};
use std::path::Path;

fn convert(folder: &Folder, precision: &str, rest: &[&str]) -> Ran {
    let input = model().to_str().unwrap();
    folder.run(&[&["convert", "--precision", precision, input], rest].concat())
}

fn embeddings(folder: &Folder, rest: &[&str]) -> String {
    let text = folder.run(&[&["embed", "text", "a photo of a cat", "dog"], rest].concat());
    let image = folder.run(&[&["embed", "image", "red.png"], rest].concat());
    assert_eq!((text.code, image.code), (0, 0), "{}{}", text.stderr, image.stderr);
    text.stdout + &image.stdout
}

#[test]
fn a_converted_model_answers_the_same_by_itself() {
    let original = std::fs::metadata(model().join("model.safetensors")).unwrap().len();
    for precision in ["bf16", "int8"] {
        let folder = Folder::new();
        let before = folder.files();
        let made = convert(&folder, precision, &["out"]).json_lines();
        assert_eq!((&made[0]["output"], &made[0]["precision"]), (&"out".into(), &precision.into()));
        // The folder is the only new file.
        let mut expected = before;
        expected.push("out".to_owned());
        expected.sort();
        assert_eq!(folder.files(), expected);
        let size = std::fs::metadata(folder.path("out/model.safetensors")).unwrap().len();
        assert!(made[0]["bytes"].as_u64().unwrap() < size && size < original * 2 / 3, "{size}");

        let asked = embeddings(&folder, &["--precision", precision]);
        assert_eq!(embeddings(&folder, &["--model", "out"]), asked);
        assert_ne!(embeddings(&folder, &[]), asked);
        let info = folder.run(&["info", "--model", "out"]).json_lines();
        assert_eq!(info[0]["precision"], precision);
    }
}

#[test]
fn what_is_there_is_kept_unless_forced() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("out")).unwrap();
    folder.write("out/mine.txt", "mine");
    convert(&folder, "bf16", &["out"]).fails(1, &["out: already exists; --force replaces it"]);
    assert_eq!(std::fs::read_to_string(folder.path("out/mine.txt")).unwrap(), "mine");

    assert_eq!(convert(&folder, "bf16", &["out", "--force"]).code, 0);
    assert!(!folder.path("out/mine.txt").exists());
    assert!(folder.path("out/model.safetensors").exists());
    // A conversion that fails leaves the existing folder.
    let failed = folder.run(&["convert", "--precision", "bf16", "nowhere", "out", "--force"]);
    failed.fails(1, &["nowhere: "]);
    assert!(folder.path("out/model.safetensors").exists());
    let names = folder.files();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
}

#[test]
fn the_input_is_never_touched() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("in")).unwrap();
    for entry in std::fs::read_dir(model()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path("in").join(entry.file_name())).unwrap();
    }
    std::fs::create_dir(folder.path("in/sub")).unwrap();
    let expected = "expected a folder apart from the one that is read";
    for output in ["in", "in/.", "in/new", "in/sub", "in/sub/new", "."] {
        let arguments = ["convert", "--precision", "bf16", "in", output, "--force"];
        folder.run(&arguments).fails(1, &[expected]);
    }
    assert!(folder.path("in/model.safetensors").exists() && folder.path("red.png").exists());
}

#[test]
fn mistakes_leave_nothing_behind() {
    let folder = Folder::new();
    convert(&folder, "int8", &["out"]);
    let before = folder.files();
    let again = folder.run(&["convert", "--precision", "bf16", "out", "again"]);
    again.fails(1, &["out: has been converted before, to int8: expected an original checkpoint"]);
    convert(&folder, "bf16", &["no/folder/out"]).fails(1, &["no/folder: "]);

    let cut = Path::new("cut");
    std::fs::create_dir(folder.path("cut")).unwrap();
    let original = std::fs::read(model().join("model.safetensors")).unwrap();
    std::fs::write(folder.path("cut/model.safetensors"), &original[..100_000]).unwrap();
    std::fs::copy(model().join("config.json"), folder.path("cut/config.json")).unwrap();
    let failed =
        folder.run(&["convert", "--precision", "bf16", cut.to_str().unwrap(), "out of cut"]);
    failed.fails(1, &["cut/model.safetensors: truncated"]);
    std::fs::remove_dir_all(folder.path("cut")).unwrap();
    assert_eq!(folder.files(), before);
}

#[test]
fn integers_serve_one_precision() {
    let folder = Folder::new();
    convert(&folder, "int8", &["out"]);
    for precision in ["f32", "bf16x3", "bf16"] {
        let ran = folder.run(&["embed", "text", "a", "--model", "out", "--precision", precision]);
        let found = format!("expected precision int8, found {precision}");
        ran.fails(1, &["out/model.safetensors: holds weights of 8 bits", &found]);
    }
}
