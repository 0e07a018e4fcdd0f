//! `align index`.

use crate::run::{Folder, Ran, model};
use align_search::{Dtype, Index};
use image::RgbImage;
use serde_json::{Value, json};
use std::fs;

/// The report of an update that succeeded without messages.
#[track_caller]
fn report(ran: &Ran) -> Value {
    let lines = ran.json_lines();
    assert_eq!(lines.len(), 1);
    lines[0].clone()
}

fn names(folder: &Folder, index: &str) -> Vec<String> {
    let index = Index::open(folder.path(index)).unwrap();
    index.rows().map(|row| index.item(row).unwrap().name().to_owned()).collect()
}

fn shade(number: u8) -> RgbImage {
    RgbImage::from_fn(40, 50, |x, y| [number, (x * 5) as u8 ^ number, (y * 3) as u8].into())
}

#[test]
fn a_folder_becomes_an_index_and_stays_up_to_date() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("photos/sub")).unwrap();
    for (number, name) in [(1, "b.png"), (2, "a.png"), (3, "sub/c.png")] {
        shade(number).save(folder.path("photos").join(name)).unwrap();
    }
    folder.write("photos/notes.txt", "no image");
    // An index may lie in the folder that it indexes.
    let update = || folder.run(&["index", "photos", "--index", "photos/idx"]);
    let expected = json!({
        "index": "photos/idx", "kind": "images", "items": 3, "embedded": 3, "kept": 0, "recognised": 0,
        "dropped": 0, "failed": 0, "failed_before": 0, "other_files": 1,
    });
    assert_eq!(report(&update()), expected);
    let photos = ["photos/a.png", "photos/b.png", "photos/sub/c.png"];
    assert_eq!(names(&folder, "photos/idx"), photos);
    fs::rename(folder.path("photos/a.png"), folder.path("photos/z.png")).unwrap();
    let ran = report(&update());
    assert_eq!(
        (&ran["embedded"], &ran["recognised"], &ran["dropped"]),
        (&json!(0), &json!(1), &json!(1))
    );

    let table = folder.run(&["index", "photos", "--index", "photos/idx", "--format", "table"]);
    assert_eq!(table.stdout, "photos/idx: 3 images (3 unchanged, 1 other files)\n");
    let index = Index::open(folder.path("photos/idx")).unwrap();
    assert_eq!(index.description().dtype, Dtype::F16);
}

#[test]
fn paths_come_from_standard_input_too() {
    let folder = Folder::new();
    let ran = folder.run_with_input(&["index", "-", "--index", "idx"], "red.png\n\nblue.png\n");
    assert_eq!(report(&ran)["items"], 2);
    let ran = folder.run_with_input(&["index", "-", "--index", "idx"], "gone.png\nred.png\n");
    assert_eq!((ran.code, &ran.lines_of_json()[0]["items"]), (1, &json!(2)));
    assert!(ran.stderr.contains("error: gone.png: no such file or folder"), "{}", ran.stderr);
}

#[test]
fn a_broken_file_is_said_once_and_the_run_is_not_complete() {
    let folder = Folder::new();
    let update = |more: &[&str]| {
        folder.run(&[&["index", "red.png", "bad.png", "--index", "idx"], more].concat())
    };
    let ran = update(&[]);
    assert_eq!((ran.code, &ran.lines_of_json()[0]["failed"]), (1, &json!(1)));
    assert!(ran.stderr.contains("error: bad.png: not an image"), "{}", ran.stderr);
    // The failure is remembered. The file is neither tried nor reported again, and still missing.
    let ran = update(&[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    assert_eq!(ran.lines_of_json()[0]["failed_before"], 1);
    assert_eq!(update(&["--keep-going"]).code, 0);
    fs::copy(folder.path("blue.png"), folder.path("bad.png")).unwrap();
    assert_eq!(report(&update(&[]))["embedded"], 1);
}

#[test]
fn a_file_has_one_name_from_wherever_it_is_named() {
    let folder = Folder::new();
    fs::create_dir(folder.path("sub")).unwrap();
    shade(1).save(folder.path("sub/a.png")).unwrap();
    // The pictures differ so much that rounding cannot confuse them.
    shade(200).save(folder.path("sub/b.png")).unwrap();
    assert_eq!(report(&folder.run(&["index", "./sub/a.png", "--index", "idx"]))["embedded"], 1);
    assert_eq!(names(&folder, "idx"), ["sub/a.png"]);
    let absolute = folder.path("sub");
    let ran = folder.run(&["index", absolute.to_str().unwrap(), "--index", "idx"]);
    assert_eq!((&report(&ran)["kept"], &report(&ran)["embedded"]), (&json!(1), &json!(1)));

    // In another current folder, paths still count from the base of the index.
    let mut elsewhere = folder.command(&["index", ".", "--index", "../idx"]);
    elsewhere.current_dir(&absolute).env("ALIGN_MODEL", model());
    let ran = report(&Ran::from_command(&mut elsewhere));
    assert_eq!((&ran["items"], &ran["kept"]), (&json!(2), &json!(2)));
    let mut elsewhere =
        folder.command(&["search", "--index", "../idx", "--image", "a.png", "-k", "1"]);
    elsewhere.current_dir(&absolute).env("ALIGN_MODEL", model());
    let found =
        Ran::from_command(&mut elsewhere).json_lines()[0]["item"].as_str().unwrap().to_owned();
    assert_eq!(fs::canonicalize(found).unwrap(), fs::canonicalize(absolute.join("a.png")).unwrap());
}

#[test]
fn texts_are_an_index_too() {
    let folder = Folder::new();
    folder.write("texts.txt", "a cat\n\nthe dog\na cat\n");
    let update = |more: &[&str]| {
        folder.run(&[&["index", "--texts", "texts.txt", "--index", "idx"], more].concat())
    };
    let ran = report(&update(&["--dtype", "f32"]));
    assert_eq!((&ran["kind"], &ran["items"]), (&json!("texts"), &json!(2)));
    assert_eq!(names(&folder, "idx"), ["a cat", "the dog"]);
    // Without --dtype, the element type of the index is kept.
    assert_eq!(report(&update(&[]))["kept"], 2);
    update(&["--dtype", "f16"])
        .fails(1, &["another element type: the index has f32, this run f16"]);
    folder
        .run(&["index", "red.png", "--index", "idx"])
        .fails(1, &["another kind of items: the index has texts"]);
    let ran = folder.run_with_input(&["index", "--texts", "-", "--index", "idx"], "no dog\n");
    assert_eq!((&report(&ran)["embedded"], &report(&ran)["dropped"]), (&json!(1), &json!(2)));
}

#[test]
fn a_path_that_is_not_there_begins_no_index() {
    let folder = Folder::new();
    let before = folder.files();
    folder
        .run(&["index", "photso", "--index", "idx"])
        .fails(1, &["photso: no such file or folder"]);
    assert_eq!(folder.files(), before);
}

#[test]
fn other_files_are_not_mixed_with_an_index() {
    let folder = Folder::new();
    folder.run(&["index", "red.png", "--index", "."]).fails(1, &["not an index and not empty"]);
}

#[test]
fn another_model_is_refused() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["index", "red.png", "--index", "idx"]).code, 0);
    fs::create_dir(folder.path("other")).unwrap();
    align_testing::checkpoint::write_checkpoint(&folder.path("other"));
    align_testing::checkpoint::write_weights(&folder.path("other"), |name, values| {
        if name == "text_projection.bias" {
            values[0] += 1.0;
        }
    });
    let refusal = "idx: made with another model: the index has";
    folder.run(&["index", "red.png", "--index", "idx", "--model", "other"]).fails(1, &[refusal]);
    folder
        .run(&["search", "--index", "idx", "--text", "a", "--model", "other"])
        .fails(1, &[refusal, "use the settings of the index, or make a new index"]);
    // The same files in another folder are the same model, even if that folder has other files too.
    fs::create_dir(folder.path("copy")).unwrap();
    align_testing::checkpoint::write_checkpoint(&folder.path("copy"));
    folder.write("copy/README.md", "a model");
    let ran = folder.run(&["index", "red.png", "--index", "idx", "--model", "copy"]);
    assert_eq!(report(&ran)["kept"], 1);
    // With other preprocessing, the same weights give other embeddings.
    let config = fs::read_to_string(folder.path("copy/preprocessor_config.json")).unwrap();
    let config = config.replace("\"resample\": 2", "\"resample\": 3");
    folder.write("copy/preprocessor_config.json", &config);
    folder
        .run(&["index", "red.png", "--index", "idx", "--model", "copy"])
        .fails(1, &["another preprocessing: resample: the index has bilinear, this run bicubic"]);
}

#[test]
fn wrong_usage_is_said() {
    let folder = Folder::new();
    let cases: [(&[&str], &str); 5] = [
        (&["index", "--index", "idx"], "PATH"),
        (&["index", "red.png"], "--index"),
        (&["index", "red.png", "--texts", "t.txt", "--index", "idx"], "cannot be used with"),
        (&["index", "red.png", "--index", "idx", "--dtype", "f64"], "possible values: f16, f32"),
        (&["index", "red.png", "--index", "idx", "--format", "paths"], "`search` and `duplicates`"),
    ];
    for (arguments, message) in cases {
        folder.run(arguments).fails(2, &[message]);
    }
    for command in ["index", "search", "duplicates"] {
        let ran = folder.run_without_model(&[command, "--help"]);
        assert!(ran.code == 0 && ran.stdout.contains(&format!("Examples:\n  align {command}")));
    }
}
