//! `align eval knn` and `align eval linear-probe`.

use super::{
    CLASSES, ROUNDING, assert_clear, assert_number, confusions, embed, image_folder, mean_recall,
    number, printed_confusions, ranked, share,
};
use crate::run::Folder;
use align_eval::metrics::{LinearProbe, LinearProbeOptions, predictions};
use align_model::Runtime;
use ndarray::{Array2, ArrayView1};
use serde_json::Value;
use std::collections::HashMap;

/// Checks the numbers of a report against predictions.
fn check(report: &Value, labels: &[usize], predicted: &[usize], n_train: usize) {
    let acc1 = share(labels.iter().zip(predicted).map(|(label, predicted)| label == predicted));
    assert_number(report, "acc1", acc1);
    let recall = mean_recall(labels, predicted);
    assert!((number(report, "mean_per_class_recall") - recall).abs() < 1e-12);
    assert_eq!(printed_confusions(report), confusions(labels, predicted));
    assert_eq!(report["n"], labels.len());
    assert_eq!(report["n_train"], n_train);
    assert_eq!(report["classes"], CLASSES.len());
}

/// The vote of the first `k` neighbours.
fn vote(ranked: &[(usize, f64)], labels: &[usize], k: usize) -> usize {
    let mut votes: HashMap<usize, (usize, f64)> = HashMap::new();
    for &(row, cosine) in &ranked[..k] {
        let vote = votes.entry(labels[row]).or_default();
        *vote = (vote.0 + 1, vote.1 + cosine);
    }
    let mut votes: Vec<_> = votes.into_iter().collect();
    votes.sort_by(|(a, x), (b, y)| (y.0, y.1).partial_cmp(&(x.0, x.1)).unwrap().then(a.cmp(b)));
    if let [(_, first), (_, second), ..] = votes[..] {
        assert!(first.0 > second.0 || first.1 - second.1 > k as f64 * ROUNDING);
    }
    assert_clear(ranked[k - 1].1, ranked[k].1);
    votes[0].0
}

#[test]
fn neighbours_vote() {
    let folder = Folder::new();
    let (train, train_labels) = image_folder(&folder, "train", 0, 5);
    let (test, test_labels) = image_folder(&folder, "test", 30, 4);
    let ranked = ranked(&embed(&folder, "image", &test), &embed(&folder, "image", &train));
    for (k, arguments) in [(5, &[][..]), (1, &["-k", "1"]), (4, &["--neighbors", "4"])] {
        let arguments = [&["eval", "knn", "train", "test"], arguments].concat();
        let report = folder.run(&arguments).json_lines().remove(0);
        let predicted: Vec<_> =
            ranked.iter().map(|ranked| vote(ranked, &train_labels, k)).collect();
        check(&report, &test_labels, &predicted, train.len());
        assert_eq!(report["k"], k);
        assert_eq!(report.as_object().unwrap().len(), 7);
    }
}

#[test]
fn a_probe_is_what_the_library_fits_to_printed_embeddings() {
    let folder = Folder::new();
    let (train, train_labels) = image_folder(&folder, "train", 0, 5);
    let (test, test_labels) = image_folder(&folder, "test", 30, 4);
    let array = |paths: &[String]| {
        let rows = embed(&folder, "image", paths);
        let values = rows.concat().into_iter().map(|x| x as f32).collect();
        Array2::from_shape_vec((rows.len(), rows[0].len()), values).unwrap()
    };
    let (train, test) = (array(&train), array(&test));
    for (c, arguments) in [(1.0, &[][..]), (250.0, &["--c", "250"])] {
        let arguments = [&["eval", "linear-probe", "train", "test"], arguments].concat();
        let report = folder.run(&arguments).json_lines().remove(0);
        let options = LinearProbeOptions::default().with_c(c);
        let labels = ArrayView1::from(&train_labels);
        let runtime = Runtime::new().unwrap();
        let probe = LinearProbe::fit(&runtime, train.view(), labels, CLASSES.len(), &options);
        let probe = probe.unwrap();
        let predicted = predictions(probe.scores(test.view()).unwrap().view()).unwrap();
        check(&report, &test_labels, &predicted, train.nrows());
        assert_number(&report, "c", c);
        assert_eq!(report["iterations"], probe.iterations());
        assert_number(&report, "gradient_norm", probe.gradient_norm());
        assert_number(&report, "acc5", 1.0);
        assert_eq!(report.as_object().unwrap().len(), 10);
    }
}

#[test]
fn raw_features_give_another_probe() {
    let folder = Folder::new();
    image_folder(&folder, "data", 0, 2);
    let norm = |arguments: &[&str]| {
        let arguments = [&["eval", "linear-probe", "data", "data"], arguments].concat();
        number(&folder.run(&arguments).json_lines()[0], "gradient_norm")
    };
    assert_ne!(norm(&[]), norm(&["--raw"]));
}

#[test]
fn tables() {
    let folder = Folder::new();
    image_folder(&folder, "data", 0, 2);
    let table =
        |arguments: &[&str]| folder.run(&[arguments, &["--format", "table"]].concat()).stdout;
    let knn = table(&["eval", "knn", "data", "data", "-k", "1"]);
    assert!(knn.starts_with("nearest neighbours     1 of 8 images\n"), "{knn}");
    // Every image is its own nearest neighbour.
    assert!(
        knn.contains("top-1 accuracy         100.00 %\n") && !knn.contains("taken for"),
        "{knn}"
    );
    let probe = table(&["eval", "linear-probe", "data", "data"]);
    assert!(probe.starts_with("trained on             8 images, C = 1\n"), "{probe}");
    assert!(probe.contains("top-5 accuracy         100.00 %\n"), "{probe}");
}

#[test]
fn skipped_images_of_either_set_are_reported() {
    let folder = Folder::new();
    image_folder(&folder, "train", 0, 2);
    image_folder(&folder, "test", 20, 2);
    folder.write("train/cat/bad.png", "no image");
    for command in ["knn", "linear-probe"] {
        let ran = folder.run(&["eval", command, "train", "test"]);
        assert_eq!(ran.code, 1);
        assert_eq!(
            (&ran.lines_of_json()[0]["n_train"], &ran.lines_of_json()[0]["n"]),
            (&8.into(), &8.into())
        );
        assert!(ran.stderr.contains("train/cat/bad.png: not an image"), "{}", ran.stderr);
        assert_eq!(folder.run(&["eval", command, "train", "test", "--keep-going"]).code, 0);
        assert_eq!(folder.run(&["eval", command, "test", "train"]).code, 1);
    }
}

#[test]
fn what_cannot_be_fitted_is_said() {
    let folder = Folder::new();
    image_folder(&folder, "train", 0, 2);
    image_folder(&folder, "test", 20, 1);
    let fails = |arguments: &[&str], code, message: &str| {
        folder.run(&[&["eval"], arguments].concat()).fails(code, &[message]);
    };
    let probe = ["linear-probe", "train", "test"];
    fails(
        &[&probe[..], &["--max-iterations", "2"]].concat(),
        1,
        "the linear probe did not converge: after 2 iterations its gradient has length",
    );
    fails(&[&probe[..], &["--c", "0"]].concat(), 2, "expected a positive number");
    fails(&[&probe[..], &["--tolerance", "nan"]].concat(), 2, "expected a positive number");
    fails(&["knn", "train", "test", "-k", "9"], 1, "k = 9: expected 1 to 8");
    fails(&["knn", "train", "test", "-k", "0"], 2, "--neighbors");
    folder.write("one.csv", "image,label\nred.png,red\nblue.png,red\n");
    fails(
        &["linear-probe", "one.csv", "one.csv"],
        1,
        "one.csv: expected at least two classes, found 1",
    );
    folder.write("more.csv", "image,label\nred.png,owl\n");
    fails(&["knn", "train", "more.csv"], 1, "more.csv: class \"owl\" is not one of train");
    folder.write("gone.csv", "image,label\nred.png,red\ngone.png,cat\n");
    fails(
        &["linear-probe", "gone.csv", "gone.csv"],
        1,
        "gone.csv: class \"cat\": none of its images",
    );
}
