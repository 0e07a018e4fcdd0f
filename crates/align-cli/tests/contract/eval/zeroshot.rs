//! `align eval zeroshot`.

use super::{
    CLASSES, assert_clear, assert_number, confusions, embed, image_folder, mean_recall, number,
    printed_confusions, ranked, share, unit,
};
use crate::run::Folder;
use serde_json::Value;

/// Checks every number of a report against the embeddings of the classes.
fn check(report: &Value, images: &[Vec<f64>], labels: &[usize], classes: &[Vec<f64>]) {
    let ranked = ranked(images, classes);
    ranked.iter().for_each(|ranked| assert_clear(ranked[0].1, ranked[1].1));
    let predicted: Vec<usize> = ranked.iter().map(|ranked| ranked[0].0).collect();
    let acc1 = share(labels.iter().zip(&predicted).map(|(label, predicted)| label == predicted));
    assert_number(report, "acc1", acc1);
    let recall = mean_recall(labels, &predicted);
    assert!((number(report, "mean_per_class_recall") - recall).abs() < 1e-12);
    assert_eq!(printed_confusions(report), confusions(labels, &predicted));
    // There are only four classes.
    assert_number(report, "acc5", 1.0);
    assert_eq!((&report["n"], &report["classes"]), (&labels.len().into(), &4.into()));
    assert_eq!(report.as_object().unwrap().len(), 6);
}

#[test]
fn figures_follow_from_the_embeddings() {
    let folder = Folder::new();
    let (paths, labels) = image_folder(&folder, "data", 0, 6);
    let images = embed(&folder, "image", &paths);

    let report = folder.run(&["eval", "zeroshot", "data"]).json_lines().remove(0);
    check(&report, &images, &labels, &embed(&folder, "text", &CLASSES));

    // The normalised mean of the unit embeddings of the templates.
    let templates = ["a photo of a {}", "the {}", "no {}"];
    let filled = templates.map(|template| {
        embed(&folder, "text", &CLASSES.map(|class| template.replace("{}", class)))
    });
    let mean = |class: usize| {
        let sum = |i: usize| filled.iter().map(|template| template[class][i]).sum::<f64>();
        unit((0..filled[0][class].len()).map(sum).collect())
    };
    folder.write("templates.txt", "the {}\nno {}\n\n");
    let arguments =
        ["eval", "zeroshot", "data", "-t", "a photo of a {}", "--templates-file", "templates.txt"];
    let report = folder.run(&arguments).json_lines().remove(0);
    check(&report, &images, &labels, &(0..CLASSES.len()).map(mean).collect::<Vec<_>>());
}

#[test]
fn a_csv_file_gives_what_the_folder_gives() {
    let folder = Folder::new();
    let (paths, labels) = image_folder(&folder, "data", 0, 3);
    let by_folder = folder.run(&["eval", "zeroshot", "data"]).json_lines();
    let rows = |label: &dyn Fn(usize) -> String| {
        let row = |(path, &class): (&String, &usize)| {
            format!("{},{}\n", label(class), path.trim_start_matches("data/"))
        };
        let rows: String = paths.iter().zip(&labels).map(row).collect();
        folder.write("data/labels.csv", &format!("label,image\n{rows}"));
    };
    rows(&|class| CLASSES[class].to_owned());
    let zeroshot = |arguments: &[&str]| {
        folder.run(&[&["eval", "zeroshot", "data/labels.csv"], arguments].concat()).json_lines()
    };
    assert_eq!(zeroshot(&[]), by_folder);

    // Numeric labels are line numbers. Other labels are matched by `class<TAB>name`, or sorted.
    folder.write("names.txt", "blue\ncat\ndog\nred\n");
    rows(&|class| class.to_string());
    assert_eq!(zeroshot(&["--classes", "names.txt"]), by_folder);
    rows(&|class| format!("n{class}"));
    assert_eq!(zeroshot(&["--classes", "names.txt"]), by_folder);
    folder.write("pairs.txt", "n0\tblue\nn1\tcat\nn2\tdog\nn3\tred\n");
    assert_eq!(zeroshot(&["--classes", "pairs.txt"]), by_folder);
}

#[test]
fn class_names_are_what_is_embedded() {
    let folder = Folder::new();
    let (paths, labels) = image_folder(&folder, "data", 40, 3);
    let names = ["no cat", "a dog", "photo", "the blue"];
    folder.write("names.txt", &names.join("\n"));
    let arguments = ["eval", "zeroshot", "data", "--classes", "names.txt", "--confusions", "1"];
    let report = folder.run(&arguments).json_lines().remove(0);
    let ranked = ranked(&embed(&folder, "image", &paths), &embed(&folder, "text", &names));
    let right = ranked.iter().zip(&labels).map(|(ranked, label)| ranked[0].0 == *label);
    assert_number(&report, "acc1", share(right));
    let confusions = printed_confusions(&report);
    assert!(confusions.len() == 1 && names.contains(&confusions[0].0.as_str()));
}

#[test]
fn a_bad_image_is_reported_and_skipped() {
    let folder = Folder::new();
    image_folder(&folder, "data", 0, 2);
    let good = folder.run(&["eval", "zeroshot", "data"]).json_lines();
    folder.write("data/cat/0a.png", "this is no image");
    folder.write("data/cat/notes.txt", "these are cats");
    let ran = folder.run(&["eval", "zeroshot", "data"]);
    assert_eq!((ran.code, ran.lines_of_json()), (1, good.clone()));
    assert!(ran.stderr.contains("data/cat/0a.png: not an image"), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 of 9 images skipped"), "{}", ran.stderr);
    let kept = folder.run(&["eval", "zeroshot", "data", "--keep-going"]);
    assert_eq!((kept.code, kept.lines_of_json()), (0, good));

    folder.write("all.csv", "image,label\nbad.png,cat\ngone.png,dog\n");
    folder
        .run(&["eval", "zeroshot", "all.csv", "--keep-going"])
        .fails(1, &["gone.png: No such file", "error: all.csv: none of the images can be read"]);
}

#[test]
fn table_and_json() {
    let folder = Folder::new();
    image_folder(&folder, "data", 0, 2);
    let run = |format| folder.run(&["eval", "zeroshot", "data", "--format", format]);
    let json: Value = serde_json::from_str(&run("json").stdout).unwrap();
    assert_eq!(json, run("jsonl").json_lines()[0]);
    let table = run("table").stdout;
    let percent = format!("top-1 accuracy         {:6.2} %\n", 100.0 * number(&json, "acc1"));
    assert!(table.starts_with(&percent), "{table}");
    assert!(table.contains("images                 8\nclasses                4\n"), "{table}");
    assert!(table.contains("class  taken for  times\n"), "{table}");
}

#[test]
fn wrong_data_is_named() {
    let folder = Folder::new();
    image_folder(&folder, "data", 0, 1);
    let fails = |arguments: &[&str], code, messages: &[&str]| {
        folder.run(&[&["eval", "zeroshot"], arguments].concat()).fails(code, messages);
    };
    fails(&["gone"], 1, &["cannot read gone: No such file"]);
    fails(&["data/cat"], 1, &["data/cat: expected a folder for each class, found none"]);
    folder.write("names.txt", "cat\n");
    fails(
        &["data", "--classes", "names.txt"],
        1,
        &["names.txt: expected 4 names, one for each class in sorted order, found 1"],
    );
    folder.write("templates.txt", "a {}\nnothing\n");
    fails(
        &["data", "--templates-file", "templates.txt"],
        1,
        &["templates.txt: template \"nothing\": expected one {} where the label goes, found 0"],
    );
    folder.write("empty.txt", "\n");
    fails(
        &["data", "--templates-file", "empty.txt"],
        1,
        &["empty.txt: expected a template on a line, found none"],
    );
    fails(&["data", "--template", "nothing"], 2, &["expected one {}"]);
    folder.write("labels.csv", "image,class\nred.png,cat\n");
    fails(&["labels.csv"], 1, &["labels.csv: line 1: expected a column \"label\""]);
    let long = "cat ".repeat(80);
    folder.write("names.txt", &format!("a\nb\nc\n{long}\n"));
    fails(&["data", "--classes", "names.txt"], 1, &["has 82 tokens"]);
}
