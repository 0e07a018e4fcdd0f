//! Images with captions.

use super::csv::for_each_row;
use super::error::DatasetError;
use super::karpathy;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Images with their captions.
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
    /// The image files, each once.
    pub paths: Vec<PathBuf>,
    /// The captions of each image, at least one.
    pub captions: Vec<Vec<String>>,
}

impl CaptionedImages {
    /// Whether a path is that of a JSON file, which has splits. Other files are read as CSV.
    pub fn is_json(path: impl AsRef<Path>) -> bool {
        let extension = path.as_ref().extension().and_then(OsStr::to_str);
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
    }

    /// Reads a CSV file with the columns `image` and `caption` and one row for each caption. Images
    /// are relative to the folder `images`. They are in the order of their first rows.
    ///
    /// # Errors
    /// If the file cannot be read, lacks a column or has no rows, or a row is damaged or has a blank
    /// field.
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

    /// Reads one split of a JSON file in the format that Karpathy and Fei-Fei published for
    /// Flickr8k, Flickr30k and COCO. The file has a list `images`. An image has `filename`, `split`
    /// and a list `sentences`, and a sentence has `raw`.
    ///
    /// Images are relative to the folder `images`, or to the folder `filepath` in it if an image has
    /// that field.
    ///
    /// # Errors
    /// If the file cannot be read or lacks a field, the split has no images, or an image has no
    /// sentences.
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

    /// All captions, and for each caption the index of its image (`image_of_text`).
    pub fn texts(&self) -> (Vec<&str>, Vec<usize>) {
        let captions = self.captions.iter().enumerate();
        captions.flat_map(|(image, texts)| texts.iter().map(move |t| (t.as_str(), image))).unzip()
    }
}

/// Captions while they are gathered by image.
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
