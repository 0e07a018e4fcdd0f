//! The JSON format of Karpathy and Fei-Fei, *Deep Visual-Semantic Alignments*, 2015. It holds the
//! captions and splits of Flickr8k, Flickr30k and COCO.

use super::error::DatasetError;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The fields that are read. The files have more.
#[derive(Deserialize)]
struct Data {
    images: Vec<Image>,
}

/// An image of the file.
#[derive(Deserialize)]
pub(super) struct Image {
    filename: String,
    /// The folder, in COCO.
    filepath: Option<String>,
    split: String,
    sentences: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    raw: String,
}

impl Image {
    /// Its path in the folder of images.
    pub(super) fn file(&self) -> PathBuf {
        Path::new(self.filepath.as_deref().unwrap_or("")).join(&self.filename)
    }

    /// Its captions.
    pub(super) fn sentences(self) -> impl Iterator<Item = String> {
        self.sentences.into_iter().map(|sentence| sentence.raw)
    }
}

/// Calls `receive` with the images of a split.
pub(super) fn for_each_image(
    path: &Path,
    split: &str,
    receive: impl FnMut(Image),
) -> Result<(), DatasetError> {
    let data = read(path)?;
    let has_captions = |image: &Image| image.split != split || !image.sentences.is_empty();
    if let Some(image) = data.images.iter().position(|image| !has_captions(image)) {
        return Err(DatasetError::NoCaptions { path: path.into(), image });
    }
    if !data.images.iter().any(|image| image.split == split) {
        let splits: BTreeSet<_> = data.images.iter().map(|image| image.split.as_str()).collect();
        let found = splits.iter().map(|split| format!("{split:?}")).collect::<Vec<_>>();
        let found = if found.is_empty() { "of no image".to_owned() } else { found.join(", ") };
        return Err(DatasetError::NoSplit { path: path.into(), split: split.to_owned(), found });
    }
    data.images.into_iter().filter(|image| image.split == split).for_each(receive);
    Ok(())
}

fn read(path: &Path) -> Result<Data, DatasetError> {
    let file = File::open(path).map_err(DatasetError::io(path))?;
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(file));
    let fault = |field: Option<String>, error: serde_json::Error| match error.is_io() {
        true => DatasetError::Io { path: path.into(), source: error.into() },
        false => DatasetError::Json { path: path.into(), field, message: error.to_string() },
    };
    let data = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        // A path without a name, such as `.`, does not help.
        let field = field.contains(char::is_alphabetic).then_some(field);
        fault(field, error.into_inner())
    })?;
    json.end().map_err(|error| fault(None, error))?;
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, split: &str) -> Result<Vec<(PathBuf, Vec<String>)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.json");
        std::fs::write(&path, json).unwrap();
        let mut images = Vec::new();
        let read = for_each_image(&path, split, |image| {
            images.push((image.file(), image.sentences().collect()));
        });
        let prefix = format!("{}: ", path.display());
        read.map(|()| images).map_err(|error| error.to_string().replace(&prefix, ""))
    }

    const DATA: &str = r#"{"dataset": "x", "images": [
        {"filename": "1.jpg", "split": "train", "sentences": [], "imgid": 7},
        {"filename": "2.jpg", "split": "test", "sentences": [{"raw": "a", "tokens": ["a"]}, {"raw": "b."}]},
        {"filename": "3.jpg", "filepath": "val2014", "split": "val", "sentences": [{"raw": "c"}]},
        {"filename": "4.jpg", "filepath": "val2014", "split": "test", "sentences": [{"raw": "d"}]}
    ]}"#;

    #[test]
    fn a_split_with_all_its_sentences() {
        let image = |file: &str, sentences: &[&str]| {
            (PathBuf::from(file), sentences.iter().map(|&s| s.to_owned()).collect())
        };
        let test = [image("2.jpg", &["a", "b."]), image("val2014/4.jpg", &["d"])];
        assert_eq!(read(DATA, "test").unwrap(), test);
        assert_eq!(read(DATA, "val").unwrap(), [image("val2014/3.jpg", &["c"])]);
    }

    #[test]
    fn faults_name_the_field() {
        let error = |json: &str| read(json, "test").unwrap_err();
        assert_eq!(error("{"), "EOF while parsing an object at line 1 column 1");
        assert!(error("[]").contains("line 1 column"), "{}", error("[]"));
        assert_eq!(error("{}"), "missing field `images` at line 1 column 2");
        let trailing = error(r#"{"images": []} {}"#);
        assert_eq!(trailing, "trailing characters at line 1 column 16");
        let fields = [
            (
                DATA.replace("\"raw\": \"b.\"", "\"raw\": 3"),
                "images[1].sentences[1].raw: invalid type: integer `3`",
            ),
            (DATA.replace("\"filename\": \"3.jpg\", ", ""), "images[2]: missing field `filename`"),
            (DATA.replace("[{\"raw\": \"c\"}]", "null"), "images[2].sentences: invalid type: null"),
        ];
        for (json, expected) in fields {
            assert!(error(&json).starts_with(expected), "{}", error(&json));
        }
        let none = r#"{"images": []}"#;
        assert_eq!(
            error(none),
            r#"expected images of the split "test", found the splits of no image"#
        );
        let unknown = read(DATA, "dev").unwrap_err();
        let expected =
            r#"expected images of the split "dev", found the splits "test", "train", "val""#;
        assert_eq!(unknown, expected);
        let bare = read(DATA, "train").unwrap_err();
        assert_eq!(bare, "images[0].sentences: expected at least one, found none");
    }
}
