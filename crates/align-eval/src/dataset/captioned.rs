//! Images with captions.

use super::csv::for_each_row;
use super::{DatasetError, karpathy};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Images, each with all of its captions.
///
/// ```
/// use align_eval::dataset::CaptionedImages;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("captions.csv");
/// std::fs::write(&path, "image,caption\na.jpg,a cat\nb.jpg,a dog\na.jpg,a cat on snow\n")?;
/// let data = CaptionedImages::from_csv(&path, folder.path())?;
/// assert_eq!(data.paths[0], folder.path().join("a.jpg"));
/// assert_eq!(data.captions, [vec!["a cat", "a cat on snow"], vec!["a dog"]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptionedImages {
    /// The image files, none of them twice.
    pub paths: Vec<PathBuf>,
    /// The captions of each, at least one.
    pub captions: Vec<Vec<String>>,
}

impl CaptionedImages {
    /// Whether a file is read as JSON, which has splits, rather than as CSV, which has none.
    pub fn is_json(path: impl AsRef<Path>) -> bool {
        let extension = path.as_ref().extension().and_then(OsStr::to_str);
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
    }

    /// Reads a CSV file with the columns `image` and `caption`; an image has as many rows as
    /// captions. Images are relative to the folder `images`, in the order of their first rows.
    ///
    /// # Errors
    /// Where the file cannot be read, lacks a column, has a damaged row or a blank field, or no
    /// row.
    pub fn from_csv(
        path: impl AsRef<Path>,
        images: impl AsRef<Path>,
    ) -> Result<Self, DatasetError> {
        let (path, images) = (path.as_ref(), images.as_ref());
        let mut data = Gathered::default();
        for_each_row(path, ["image", "caption"], |[image, caption]| {
            data.push(images.join(image), [caption]);
        })?;
        data.finish(path)
    }

    /// Reads one split of a JSON file as Karpathy and Fei-Fei published theirs for Flickr8k,
    /// Flickr30k and COCO: `images[]`, each with `filename`, `split` and `sentences[]`, each with
    /// `raw`. Images are relative to the folder `images`, and to `filepath` in it where they have
    /// that.
    ///
    /// # Errors
    /// Where the file cannot be read, lacks a field, or has an image without a sentence or no
    /// image of the split.
    pub fn from_karpathy(
        path: impl AsRef<Path>,
        images: impl AsRef<Path>,
        split: &str,
    ) -> Result<Self, DatasetError> {
        let (path, images) = (path.as_ref(), images.as_ref());
        let mut data = Gathered::default();
        karpathy::for_each_image(path, split, |image| {
            data.push(images.join(image.file()), image.sentences());
        })?;
        data.finish(path)
    }

    /// All captions, and of which image each is, by its index: `image_of_text`.
    pub fn texts(&self) -> (Vec<&str>, Vec<usize>) {
        let captions = self.captions.iter().enumerate();
        captions.flat_map(|(image, texts)| texts.iter().map(move |t| (t.as_str(), image))).unzip()
    }
}

/// Captions gathered by image.
#[derive(Default)]
struct Gathered {
    data: CaptionedImages,
    places: HashMap<PathBuf, usize>,
}

impl Gathered {
    fn push(&mut self, image: PathBuf, captions: impl IntoIterator<Item = String>) {
        let place = *self.places.entry(image).or_insert_with_key(|image| {
            self.data.paths.push(image.clone());
            self.data.captions.push(Vec::new());
            self.data.paths.len() - 1
        });
        self.data.captions[place].extend(captions);
    }

    fn finish(self, path: &Path) -> Result<CaptionedImages, DatasetError> {
        match self.data.paths.as_slice() {
            [] => Err(DatasetError::NoImages { path: path.into() }),
            _ => Ok(self.data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_image_are_gathered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        std::fs::write(&path, "image,caption\nb.png,1\na.png,2\nb.png,3\nb.png,1\n").unwrap();
        let data = CaptionedImages::from_csv(&path, "pictures").unwrap();
        assert_eq!(data.paths, ["pictures/b.png", "pictures/a.png"].map(PathBuf::from));
        assert_eq!(data.captions, [vec!["1", "3", "1"], vec!["2"]]);
        assert_eq!(data.texts(), (vec!["1", "3", "1", "2"], vec![0, 0, 0, 1]));

        std::fs::write(&path, "image,caption\n").unwrap();
        let error = CaptionedImages::from_csv(&path, "").unwrap_err();
        assert!(matches!(error, DatasetError::NoImages { .. }), "{error}");
    }

    #[test]
    fn files_are_told_by_their_extension() {
        assert!(CaptionedImages::is_json("a/dataset_coco.JSON"));
        assert!(!CaptionedImages::is_json("json"));
        assert!(!CaptionedImages::is_json("a.json.csv"));
    }
}
