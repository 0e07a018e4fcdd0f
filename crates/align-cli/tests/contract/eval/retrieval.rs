//! `align eval retrieval`.

use super::{assert_clear, assert_number, embed, number, picture, ranked, share};
use crate::run::Folder;
use serde_json::{Value, json};

const IMAGES: u32 = 14;
/// The number of the first picture. From here on, no two captions are so close that rounding could
/// decide.
const PICTURES: u32 = 40;

/// The captions of an image. Some captions occur several times.
fn captions(image: u32) -> Vec<String> {
    const WORDS: [&str; 11] =
        ["a", "photo", "of", "cat", "dog", "the", "no", "red", "blue", "cats", "dogs"];
    let word = |i: u32| WORDS[i as usize % WORDS.len()];
    let caption = |i: u32| {
        let seed = image * 5 + i * i * 3;
        format!("{} {} {} {}", word(seed), word(seed * 7 + 2), word(seed / 3), word(seed * seed))
    };
    (0..1 + image % 3)
        .map(caption)
        .chain((image.is_multiple_of(5)).then(|| "a cat".to_owned()))
        .collect()
}

/// Writes the images, and their captions as CSV and as Karpathy's JSON.
fn data(folder: &Folder) {
    std::fs::create_dir_all(folder.path("data/pictures")).unwrap();
    let (mut csv, mut json) = ("image,caption,more\n".to_owned(), Vec::new());
    for image in 0..IMAGES {
        let name = format!("{image}.png");
        picture(PICTURES + image).save(folder.path(&format!("data/pictures/{name}"))).unwrap();
        for caption in captions(image) {
            csv += &format!("pictures/{name},{caption},x\n");
        }
        let sentences: Vec<Value> = captions(image).iter().map(|c| json!({"raw": c})).collect();
        json.push(json!({
            "filename": name, "filepath": "pictures", "split": "test", "sentences": sentences
        }));
        json.push(json!({"filename": "gone.png", "split": "train", "sentences": []}));
    }
    folder.write("data/captions.csv", &csv);
    folder.write("data/captions.json", &json!({"images": json, "dataset": "ours"}).to_string());
}

/// Checks the recalls of a report against the embeddings of these images and their captions.
fn check(report: &Value, folder: &Folder, images: &[u32]) {
    let paths: Vec<_> = images.iter().map(|i| format!("data/pictures/{i}.png")).collect();
    let (texts, owners): (Vec<_>, Vec<_>) = images
        .iter()
        .enumerate()
        .flat_map(|(place, &image)| captions(image).into_iter().map(move |text| (text, place)))
        .unzip();
    let image_embeds = embed(folder, "image", &paths);
    let text_embeds = embed(folder, "text", &texts);
    let by_image = ranked(&image_embeds, &text_embeds);
    let by_text = ranked(&text_embeds, &image_embeds);
    for (way, ranked, belongs) in [
        ("image_to_text", by_image, &|image: usize, text: usize| owners[text] == image),
        ("text_to_image", by_text, &|text: usize, image: usize| owners[text] == image),
    ] as [(_, _, &dyn Fn(usize, usize) -> bool); 2]
    {
        let rank = |(query, ranked): (usize, &Vec<(usize, f64)>)| {
            let rank = ranked.iter().position(|&(item, _)| belongs(query, item)).unwrap();
            let wrong = ranked.iter().filter(|&&(item, _)| !belongs(query, item));
            wrong.for_each(|&(_, cosine)| assert_clear(cosine, ranked[rank].1));
            rank
        };
        let ranks: Vec<usize> = ranked.iter().enumerate().map(rank).collect();
        for k in [1, 5, 10] {
            let expected = share(ranks.iter().map(|&rank| rank < k));
            assert_number(report, &format!("{way}.r{k}"), expected);
        }
    }
    assert_eq!(report["images"], images.len());
    assert_eq!(report["texts"], texts.len());
    assert_eq!(report.as_object().unwrap().len(), 8);
}

#[test]
fn recalls_follow_from_the_embeddings() {
    let folder = Folder::new();
    data(&folder);
    let report = folder.run(&["eval", "retrieval", "data/captions.csv"]).json_lines();
    check(&report[0], &folder, &(0..IMAGES).collect::<Vec<_>>());
    assert!(number(&report[0], "text_to_image.r1") < number(&report[0], "text_to_image.r10"));

    let by_json = folder.run(&["eval", "retrieval", "data/captions.json"]).json_lines();
    assert_eq!(by_json, report);
    std::fs::rename(folder.path("data/captions.json"), folder.path("other.json")).unwrap();
    let arguments = ["eval", "retrieval", "other.json", "--images", "data", "--split", "test"];
    assert_eq!(folder.run(&arguments).json_lines(), report);
}

#[test]
fn a_skipped_image_takes_its_captions_along() {
    let folder = Folder::new();
    data(&folder);
    folder.write("data/pictures/5.png", "this is no image");
    let ran = folder.run(&["eval", "retrieval", "data/captions.json"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("pictures/5.png: not an image"), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 of 14 images skipped"), "{}", ran.stderr);
    let rest: Vec<_> = (0..IMAGES).filter(|&image| image != 5).collect();
    check(&ran.lines_of_json()[0], &folder, &rest);
}

#[test]
fn table() {
    let folder = Folder::new();
    data(&folder);
    let table = folder.run(&["eval", "retrieval", "data/captions.csv", "--format", "table"]).stdout;
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[1].starts_with("image to text  ") && lines[1].ends_with(" %"), "{table}");
    assert!(lines[2].starts_with("text to image  "), "{table}");
    assert!(lines[3].starts_with("14 images, "), "{table}");
}

#[test]
fn long_captions_are_refused_or_cut() {
    let folder = Folder::new();
    let long = "cat ".repeat(80);
    folder.write("data.csv", &format!("image,caption\nred.png,{long}\nblue.png,a dog\n"));
    folder.run(&["eval", "retrieval", "data.csv"]).fails(
        1,
        &["data.csv: text 0 (\"cat cat", "has 82 tokens", "hint: --truncate cuts captions"],
    );
    let report = folder.run(&["eval", "retrieval", "data.csv", "--truncate"]).json_lines();
    assert_eq!((&report[0]["images"], &report[0]["texts"]), (&json!(2), &json!(2)));
}

#[test]
fn wrong_data_is_named() {
    let folder = Folder::new();
    let fails = |arguments: &[&str], code, message: &str| {
        folder.run(&[&["eval", "retrieval"], arguments].concat()).fails(code, &[message]);
    };
    fails(&["gone.csv"], 1, "cannot read gone.csv: No such file");
    folder.write("a.csv", "image,caption\nred.png,a cat\n");
    fails(&["a.csv", "--split", "test"], 2, "--split is for .json files");
    folder.write("a.json", r#"{"images": [{"filename": "red.png", "split": "val"}]}"#);
    fails(&["a.json"], 1, "a.json: images[0]: missing field `sentences`");
    folder.write(
        "a.json",
        r#"{"images": [{"filename": "red.png", "split": "val", "sentences": [{"raw": "a"}]}]}"#,
    );
    let message = r#"a.json: expected images of the split "test", found the splits "val""#;
    fails(&["a.json"], 1, message);
    folder.write("a.csv", "image,caption\nred.png,\n");
    fails(&["a.csv"], 1, "a.csv: line 2: column \"caption\": expected a text, found none");
}
