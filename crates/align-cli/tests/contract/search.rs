//! `align search` and `align duplicates`.

use crate::run::{Folder, model};
use align_model::{AlignModel, AlignProcessor, embed_texts};
use align_search::{Index, Query};
use image::RgbImage;
use ndarray::{Array1, Array2};
use serde_json::{Value, json};
use std::fs;

const COUNT: u8 = 12;

/// A folder with an index `idx` of pictures. Two of them are the same.
fn indexed() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.path("photos")).unwrap();
    for number in 0..COUNT {
        let shown = if number == 9 { 4 } else { u32::from(number) };
        let color = |x: u32, y: u32| [shown * 20, (x + y) * shown, y * 5].map(|c| c as u8).into();
        let name = folder.path(&format!("photos/{number:02}.png"));
        RgbImage::from_fn(60, 45, color).save(name).unwrap();
    }
    assert_eq!(folder.run(&["index", "photos", "--index", "idx"]).code, 0);
    folder
}

fn text(text: &str) -> Array1<f32> {
    let processor = AlignProcessor::from_pretrained(model()).unwrap();
    let model = AlignModel::from_pretrained(model()).unwrap();
    embed_texts(&model, &processor, &[text]).unwrap().row(0).to_owned()
}

fn image(folder: &Folder, name: &str) -> Array1<f32> {
    let processor = AlignProcessor::from_pretrained(model()).unwrap();
    let model = AlignModel::from_pretrained(model()).unwrap();
    let image = processor.image_processor().open(folder.path(name)).unwrap();
    let pixels = processor.images(&[image]).unwrap();
    model.get_image_features(pixels.view()).unwrap().row(0).to_owned()
}

/// The scores of all rows in f64, the highest first, with their items.
fn ranked(folder: &Folder, query: &Query) -> Vec<(f64, String)> {
    let index = Index::open(folder.path("idx")).unwrap();
    let query = query.vector().unwrap().mapv(f64::from);
    let score = |row| index.embedding(row).unwrap().mapv(f64::from).dot(&query);
    let mut all: Vec<_> =
        index.rows().map(|row| (score(row), index.item(row).unwrap().name().to_owned())).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    all
}

/// Checks the hits of one query.
#[track_caller]
fn check(found: &[Value], query: usize, expected: &[(f64, String)]) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, (score, item))) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.as_object().unwrap().len(), 4);
        assert_eq!((&found["query"], &found["rank"]), (&json!(query), &json!(i + 1)));
        assert_eq!(found["item"], *item);
        assert!((found["score"].as_f64().unwrap() - score).abs() < 1e-5, "{found} {score}");
    }
}

#[test]
fn terms_are_weighted_added_and_ranked_by_cosine() {
    let folder = indexed();
    let query = Query::new().add_term(2.0, text("a cat").view()).unwrap();
    let query = query.add_term(1.0, image(&folder, "photos/03.png").view()).unwrap();
    let query = query.add_term(-0.5, text("the dog").view()).unwrap();
    let expected = ranked(&folder, &query);
    let terms = ["--text", "2:a cat", "--image", "photos/03.png", "--minus", "0.5:the dog"];
    let search = |more: &[&str]| {
        folder.run(&[&["search", "--index", "idx"], &terms[..], more].concat()).json_lines()
    };
    check(&search(&[]), 0, &expected[..10]);
    check(&search(&["--top", "3"]), 0, &expected[..3]);
    check(&search(&["-k", "100"]), 0, &expected);
    // --threshold returns all items that reach the score, unless --top limits them.
    let between = ((expected[4].0 + expected[5].0) / 2.0).to_string();
    let threshold = format!("--threshold={between}");
    check(&search(&[&threshold]), 0, &expected[..5]);
    check(&search(&[&threshold, "--top", "2"]), 0, &expected[..2]);
    assert!(search(&["--threshold", "1.5"]).is_empty());
}

#[test]
fn an_image_finds_itself_and_its_like() {
    let folder = indexed();
    let run = |more: &[&str]| {
        folder.run(&[&["search", "--index", "idx", "--image", "photos/04.png"], more].concat())
    };
    let found = run(&["-k", "2"]).json_lines();
    assert_eq!([&found[0]["item"], &found[1]["item"]], ["photos/04.png", "photos/09.png"]);
    assert!(found.iter().all(|hit| hit["score"].as_f64().unwrap() > 0.999));
    assert_eq!(run(&["-k", "2", "--format", "paths"]).stdout, "photos/04.png\nphotos/09.png\n");
    let table = run(&["-k", "1", "--format", "table"]).stdout;
    assert!(table.starts_with("   1   1.000") || table.starts_with("   1   0.999"), "{table}");
    let json: Value = serde_json::from_str(&run(&["-k", "2", "--format", "json"]).stdout).unwrap();
    assert_eq!(json, Value::Array(found));
}

#[test]
fn many_queries_come_as_lines_of_json() {
    let folder = indexed();
    let image = image(&folder, "red.png");
    let queries = [
        Query::from_embedding(text("a cat").view()).unwrap(),
        Query::from_embedding(image.view()).unwrap().add_term(-2.0, text("dog").view()).unwrap(),
        Query::from_embedding(text("a cat").view())
            .unwrap()
            .add_term(3.0, text("2:red").view())
            .unwrap(),
    ];
    let lines = "{\"text\": \"a cat\"}\n\n{\"image\": \"red.png\", \"minus\": \"2:dog\"}\n\
                 {\"text\": [\"a cat\", \"3:2:red\"]}\n";
    let ran =
        folder.run_with_input(&["search", "--index", "idx", "--queries", "-", "-k", "5"], lines);
    let found = ran.json_lines();
    assert_eq!(found.len(), 15);
    for (number, query) in queries.iter().enumerate() {
        check(&found[5 * number..][..5], number, &ranked(&folder, query)[..5]);
    }
    folder.write("queries.jsonl", lines);
    let arguments = ["search", "--index", "idx", "--queries", "queries.jsonl", "-k", "1"];
    let table = folder.run(&[&arguments[..], &["--format", "table"]].concat()).stdout;
    assert!(table.starts_with("a cat\n   1"), "{table}");
    assert!(table.contains("\n\n[red.png] - 2 x dog\n   1"), "{table}");
    assert!(table.contains("\n\na cat + 3 x 2:red\n   1"), "{table}");

    for (line, message) in [
        ("{\"text\": \"a\"}\n{\"txt\": \"a\"}", "standard input: line 2: unknown field `txt`"),
        ("\n{}", "standard input: line 2: expected text, image or minus, found none"),
        ("{\"text\": \"a\", \"minus\": \"a\"}", "query a - a: the terms of the query cancel"),
        ("{\"image\": \"bad.png\"}", "bad.png: not an image"),
        ("{\"image\": \"gone.png\"}", "cannot read gone.png"),
    ] {
        let ran = folder.run_with_input(&["search", "--index", "idx", "--queries", "-"], line);
        ran.fails(1, &[message]);
    }
}

#[test]
fn texts_find_texts() {
    let folder = Folder::new();
    folder.write("texts.txt", "a cat\nthe dog\na photo of a cat\nred\n");
    let index = ["index", "--texts", "texts.txt", "--index", "idx", "--dtype", "f32"];
    assert_eq!(folder.run(&index).code, 0);
    let found = folder.run(&["search", "--index", "idx", "--text", "the dog"]).json_lines();
    let query = Query::from_embedding(text("the dog").view()).unwrap();
    check(&found, 0, &ranked(&folder, &query));
    assert_eq!(found[0]["item"], "the dog");
    let ran = folder.run(&["search", "--index", "idx", "-t", "red", "--html", "page.html"]);
    assert_eq!(ran.code, 0);
    let page = fs::read_to_string(folder.path("page.html")).unwrap();
    assert!(page.contains("a photo of a cat") && !page.contains("<img"), "{page}");
}

#[test]
fn a_page_is_complete_in_itself() {
    let folder = indexed();
    fs::rename(folder.path("photos/01.png"), folder.path("photos/<b>&'.png")).unwrap();
    assert_eq!(folder.run(&["index", "photos", "--index", "idx"]).code, 0);
    fs::remove_file(folder.path("photos/02.png")).unwrap();
    let search = ["search", "--index", "idx", "--text", "<i>a cat", "--image", "2:photos/03.png"];
    let ran = folder.run(&[&search[..], &["--html", "page.html", "-k", "100"]].concat());
    assert_eq!(ran.lines_of_json().len(), usize::from(COUNT));
    let page = fs::read_to_string(folder.path("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert!(page.contains("photos/&lt;b&gt;&amp;&#39;.png") && !page.contains("<b>&'"));
    assert!(page.contains("&lt;i&gt;a cat") && !page.contains("<i>"));
    // The picture of the query, and all pictures but the removed one.
    assert_eq!(page.matches("<img src=\"data:image/jpeg;base64,").count(), usize::from(COUNT));
    assert_eq!(page.matches("class=\"broken\"").count(), 1);
    for reference in ["http:", "https:", "<script", "<link", "url("] {
        assert!(!page.contains(reference), "{reference}");
    }
    // A thumbnail is a JPEG of the expected size.
    let start = page.find("base64,").unwrap() + "base64,".len();
    let end = start + page[start..].find('"').unwrap();
    use base64::Engine;
    let jpeg = base64::engine::general_purpose::STANDARD.decode(&page[start..end]).unwrap();
    let small = image::load_from_memory(&jpeg).unwrap();
    assert_eq!((small.width(), small.height()), (60, 45));
}

#[test]
fn duplicates_are_listed_in_groups() {
    let folder = indexed();
    fs::copy(folder.path("photos/07.png"), folder.path("photos/copy.png")).unwrap();
    assert_eq!(folder.run(&["index", "photos", "--index", "idx"]).code, 0);
    let run = |more: &[&str]| {
        let arguments = ["duplicates", "--index", "idx", "--threshold", "0.99999"];
        folder.run_without_model(&[&arguments[..], more].concat())
    };
    let expected = reference(&folder, 0.99999);
    assert!(expected.contains(&vec!["photos/04.png".to_owned(), "photos/09.png".to_owned()]));
    assert!(expected.contains(&vec!["photos/07.png".to_owned(), "photos/copy.png".to_owned()]));
    let lines = run(&[]).json_lines();
    let mut found = vec![Vec::new(); expected.len()];
    for line in &lines {
        let group = line["group"].as_u64().unwrap() as usize;
        found[group].push(line["item"].as_str().unwrap().to_owned());
        assert_eq!(line["rank"], found[group].len());
        assert!((line["score"].as_f64().unwrap() - 1.0).abs() < 1e-3);
    }
    assert_eq!(found, expected);
    let paths: Vec<String> = expected.iter().map(|group| group.join("\n")).collect();
    assert_eq!(run(&["--format", "paths"]).stdout, format!("{}\n", paths.join("\n\n")));
}

/// Groups of items that are linked by their cosines, in f64.
fn reference(folder: &Folder, threshold: f64) -> Vec<Vec<String>> {
    let index = Index::open(folder.path("idx")).unwrap();
    let rows: Vec<usize> = index.rows().collect();
    let mut values = Array2::zeros((rows.len(), index.dim()));
    for &row in &rows {
        values.row_mut(row).assign(&index.embedding(row).unwrap().mapv(f64::from));
    }
    let scores = values.dot(&values.t());
    let mut group: Vec<usize> = rows.clone();
    for a in 0..rows.len() {
        for b in 0..a {
            if scores[[a, b]] >= threshold {
                let (from, to) = (group[a].max(group[b]), group[a].min(group[b]));
                group.iter_mut().filter(|g| **g == from).for_each(|g| *g = to);
            }
        }
    }
    let name = |row: &usize| index.item(*row).unwrap().name().to_owned();
    let members =
        |first: &usize| rows.iter().filter(|row| group[**row] == *first).map(name).collect();
    rows.iter().map(members).filter(|group: &Vec<_>| group.len() > 1).collect()
}

#[test]
fn wrong_usage_is_said() {
    let folder = Folder::new();
    let cases: [(&[&str], &str); 6] = [
        (&["search", "--text", "a"], "--index"),
        (&["search", "--index", "idx"], "nothing to search for: give --text TEXT, --image PATH"),
        (&["search", "--index", "idx", "--text", "0:30 left"], "write \"1:0:30 left\""),
        (&["search", "--index", "idx", "--text", "a", "--queries", "-"], "cannot be used with"),
        (&["search", "--index", "idx", "--text", "a", "--threshold", "nan"], "expected a number"),
        (&["search", "--index", "idx", "--text", "a", "--top", "0"], "--top"),
    ];
    for (arguments, message) in cases {
        folder.run(arguments).fails(2, &[message]);
    }
    for command in ["search", "duplicates"] {
        let text: &[&str] = if command == "search" { &["--text", "a"] } else { &[] };
        let arguments = [&[command, "--index", "nowhere"], text].concat();
        folder.run(&arguments).fails(1, &["nowhere: no index here: there is no manifest.json"]);
    }
}
