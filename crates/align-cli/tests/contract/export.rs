//! `align index export`.

use crate::run::Folder;
use crate::shards::{embeddings, fields};
use align_search::Index;
use std::fs;

/// A folder with `idx`, an index of two pictures as f32.
fn indexed() -> Folder {
    let folder = Folder::new();
    let ran = folder.run(&["index", "red.png", "blue.png", "--index", "idx", "--dtype", "f32"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    folder
}

#[test]
fn what_is_exported_is_what_was_embedded() {
    let folder = indexed();
    // No model is needed.
    let printed = folder.run_without_model(&["index", "export", "--index", "idx"]);
    let lines = printed.json_lines();
    assert_eq!(fields(&lines, "image"), ["blue.png", "red.png"]);
    let embedded = folder.run(&["embed", "image", "blue.png", "red.png"]).json_lines();
    assert_eq!(embeddings(&lines), embeddings(&embedded));

    let table = cfg!(feature = "parquet").then_some("out.parquet");
    for name in ["out.npy", "out.jsonl", "out.safetensors"].into_iter().chain(table) {
        let export = ["index", "export", "--index", "idx", "--output", name];
        let ran = folder.run_without_model(&export);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
        // The file is that of `embed`, byte for byte.
        let embed = ["embed", "image", "blue.png", "red.png", "--output"];
        let other = format!("embedded-{name}");
        assert_eq!(folder.run(&[&embed[..], &[&other]].concat()).code, 0);
        assert!(folder.read(name) == folder.read(&other), "{name}");
    }
}

#[test]
fn halves_are_widened() {
    let folder = Folder::new();
    folder.write("texts.txt", "a cat\nthe dog\n");
    assert_eq!(folder.run(&["index", "--texts", "texts.txt", "--index", "idx"]).code, 0);
    let lines = folder.run_without_model(&["index", "export", "--index", "idx"]).json_lines();
    assert_eq!(fields(&lines, "text"), ["a cat", "the dog"]);
    let index = Index::open(folder.path("idx")).unwrap();
    for (row, embedding) in index.rows().zip(embeddings(&lines)) {
        let embedding: Vec<f32> = serde_json::from_value(embedding.clone()).unwrap();
        assert_eq!(index.embedding(row).unwrap().to_vec(), embedding);
    }
}

#[test]
fn damage_is_not_passed_on() {
    let folder = indexed();
    let names = fs::read_dir(folder.path("idx")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let npy = names.into_iter().find(|name| name.ends_with(".npy")).unwrap();
    let mut bytes = folder.read(&format!("idx/{npy}"));
    *bytes.last_mut().unwrap() ^= 1;
    folder.write_bytes(&format!("idx/{npy}"), &bytes);
    folder
        .run_without_model(&["index", "export", "--index", "idx", "--output", "out.npy"])
        .fails(1, &[&npy, "damaged or changed: expected SHA-256"]);
    assert!(!folder.path("out.npy").exists());
}

#[test]
fn wrong_usage_is_said() {
    let folder = indexed();
    let export =
        |arguments: &[&str]| folder.run_without_model(&[&["index", "export"], arguments].concat());
    export(&[]).fails(2, &["--index"]);
    export(&["--index", "idx", "--output", "out.txt"]).fails(2, &["expected a file name ending"]);
    export(&["--index", "idx", "photos"]).fails(2, &["photos"]);
    export(&["--index", "gone"]).fails(1, &["gone"]);
    assert!(export(&["--help"]).stdout.contains("Examples:\n  align index export"));
    // With `./`, it is a path.
    fs::create_dir(folder.path("export")).unwrap();
    fs::copy(folder.path("red.png"), folder.path("export/a.png")).unwrap();
    let ran = folder.run(&["index", "./export", "--index", "other"]);
    assert_eq!(ran.json_lines()[0]["items"], 1);
}
