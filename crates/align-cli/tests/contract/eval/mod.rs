//! `align eval`: its numbers are compared with a computation in f64, which sorts all pairs of the
//! embeddings that `align embed` prints.

mod retrieval;
mod trained;
mod zeroshot;

use crate::run::Folder;
use image::{Rgb, RgbImage};
use serde_json::Value;

/// Words that the tokenizer knows, used as classes.
const CLASSES: [&str; 4] = ["blue", "cat", "dog", "red"];

/// Rounding could swap cosines that are closer than this. A cosine is the sum of 160 products of f32
/// numbers whose sizes add up to at most 1. So its error is at most 160 times half a unit in the last
/// place of 1.
const ROUNDING: f64 = 160.0 * f32::EPSILON as f64;

/// A picture that depends on its number.
fn picture(number: u32) -> RgbImage {
    let shade = |x: u32, y: u32, c: u32| {
        let wave = (x * (number % 7 + 1) + y * (number % 5 + 2) + c * 40) * (number % 3 + 1);
        (number * 53 + c * number * 29 + wave) as u8
    };
    RgbImage::from_fn(50, 40, |x, y| Rgb([0, 1, 2].map(|c| shade(x, y, c))))
}

/// Writes a folder with `count` pictures for each class, numbered from `first`. Returns their paths
/// and labels in the order in which they are read.
fn image_folder(folder: &Folder, name: &str, first: u32, count: u32) -> (Vec<String>, Vec<usize>) {
    let (mut paths, mut labels) = (Vec::new(), Vec::new());
    for (label, class) in CLASSES.iter().enumerate() {
        std::fs::create_dir_all(folder.path(&format!("{name}/{class}"))).unwrap();
        for i in 0..count {
            let path = format!("{name}/{class}/{i}.png");
            picture(first + label as u32 * count + i).save(folder.path(&path)).unwrap();
            paths.push(path);
            labels.push(label);
        }
    }
    (paths, labels)
}

/// Unit embeddings as `align embed` prints them.
fn embed(folder: &Folder, what: &str, items: &[impl AsRef<str>]) -> Vec<Vec<f64>> {
    let items = items.iter().map(AsRef::as_ref);
    let lines = folder.run(&["embed", what].into_iter().chain(items).collect::<Vec<_>>());
    let embedding = |line: &Value| serde_json::from_value(line["embedding"].clone()).unwrap();
    lines.json_lines().iter().map(embedding).collect()
}

fn unit(vector: Vec<f64>) -> Vec<f64> {
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    vector.iter().map(|x| x / length).collect()
}

/// The candidates of each query with their cosines, the highest first. Of equal cosines, the lower
/// index is first.
fn ranked(queries: &[Vec<f64>], items: &[Vec<f64>]) -> Vec<Vec<(usize, f64)>> {
    let cosine = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let rank = |query: &Vec<f64>| {
        let mut ranked: Vec<_> = items.iter().map(|item| cosine(query, item)).enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    };
    queries.iter().map(rank).collect()
}

/// Fails if rounding could decide between two cosines.
#[track_caller]
fn assert_clear(one: f64, other: f64) {
    let gap = (one - other).abs();
    assert!(gap == 0.0 || gap > ROUNDING, "{gap:e} would not be decided in f32");
}

fn share(hits: impl Iterator<Item = bool>) -> f64 {
    let hits: Vec<bool> = hits.collect();
    hits.iter().filter(|hit| **hit).count() as f64 / hits.len() as f64
}

/// The mean of the recall of each class.
fn mean_recall(labels: &[usize], predicted: &[usize]) -> f64 {
    let pairs = || labels.iter().zip(predicted);
    let recall = |class| share(pairs().filter(|(l, _)| **l == class).map(|(l, p)| l == p));
    (0..CLASSES.len()).map(recall).sum::<f64>() / CLASSES.len() as f64
}

/// The number of times that each class was predicted for another.
fn confusions(labels: &[usize], predicted: &[usize]) -> Vec<(String, String, u64)> {
    let mut counts = Vec::new();
    for (class, label) in CLASSES.iter().enumerate() {
        for (other, prediction) in CLASSES.iter().enumerate().filter(|(other, _)| *other != class) {
            let pairs = labels.iter().zip(predicted);
            let count = pairs.filter(|pair| *pair == (&class, &other)).count() as u64;
            counts.push((label.to_string(), prediction.to_string(), count));
        }
    }
    counts.retain(|(_, _, count)| *count > 0);
    counts.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    counts
}

fn printed_confusions(report: &Value) -> Vec<(String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let confusions = report["confusions"].as_array().unwrap().iter();
    let confusion =
        |c: &Value| (text(&c["class"]), text(&c["predicted"]), c["count"].as_u64().unwrap());
    confusions.map(confusion).collect()
}

fn number(report: &Value, field: &str) -> f64 {
    report[field].as_f64().unwrap_or_else(|| panic!("no number {field} in {report}"))
}

/// Checks a field of a report. A number that serde_json parses may differ in the last place.
#[track_caller]
fn assert_number(report: &Value, field: &str, expected: f64) {
    let found = number(report, field);
    assert!(
        (found - expected).abs() <= f64::EPSILON * expected.abs(),
        "{field}: {found}, {expected}"
    );
}
