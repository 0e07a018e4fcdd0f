//! Images with labels.

use super::class_names::{self, ClassNames, Numbers};
use super::csv::for_each_row;
use super::error::DatasetError;
use super::image_folder;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Images with one class each.
///
/// ```
/// use align_eval::dataset::LabelledImages;
///
/// # let folder = tempfile::tempdir()?;
/// # let (csv, names) = (folder.path().join("data.csv"), folder.path().join("names.txt"));
/// std::fs::write(&csv, "image,label\n1.jpg,n02\n2.jpg,n01\n")?;
/// std::fs::write(&names, "tench\ngoldfish\n")?;
/// let data = LabelledImages::open(&csv)?.rename_classes(&names)?;
/// assert_eq!(data.classes, ["tench", "goldfish"]);
/// assert_eq!(data.labels, [1, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledImages {
    /// The folder or file that was read.
    pub source: PathBuf,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The image files.
    pub paths: Vec<PathBuf>,
    /// The class of each image, an index into `classes`.
    pub labels: Vec<usize>,
}

impl LabelledImages {
    /// Reads a folder by [`from_folder`](Self::from_folder), or a file by
    /// [`from_csv`](Self::from_csv).
    ///
    /// # Errors
    /// If either of these fails.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        if path.is_dir() { Self::from_folder(path) } else { Self::from_csv(path) }
    }

    /// Reads a folder with one folder for each class, the layout of torchvision's `ImageFolder`.
    ///
    /// Classes are sorted by name. The images of a class are the files in its folder, and in the
    /// folders below it, that are images by name or content. Hidden files and folders are ignored.
    ///
    /// # Errors
    /// If there are no folders of classes, a folder cannot be read, or a class has no images.
    pub fn from_folder(path: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let source = path.as_ref().to_owned();
        let mut data = Self { source, classes: Vec::new(), paths: Vec::new(), labels: Vec::new() };
        for (class, folder) in image_folder::class_folders(&data.source)? {
            let paths = image_folder::images(&folder)?;
            data.labels.extend(std::iter::repeat_n(data.classes.len(), paths.len()));
            data.paths.extend(paths);
            data.classes.push(class);
        }
        Ok(data)
    }

    /// Reads a CSV file with the columns `image` and `label`. Images are relative to the folder of
    /// the file. Classes are the labels that occur, sorted.
    ///
    /// # Errors
    /// If the file cannot be read, lacks a column or has no rows, or a row is damaged or has a blank
    /// field.
    pub fn from_csv(path: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let source = path.as_ref().to_owned();
        let folder = source.parent().unwrap_or(Path::new(""));
        let (mut paths, mut image_labels) = (Vec::new(), Vec::new());
        for_each_row(&source, ["image", "label"], |[image, label]| {
            paths.push(folder.join(image));
            image_labels.push(label.trim().to_owned());
        })?;
        if paths.is_empty() {
            return Err(DatasetError::NoImages { path: source });
        }
        let classes: Vec<_> =
            BTreeSet::from_iter(image_labels.iter().cloned()).into_iter().collect();
        let found = |label: &String| classes.binary_search(label).expect("all labels are classes");
        let labels = image_labels.iter().map(found).collect();
        Ok(Self { source, classes, paths, labels })
    }

    /// Replaces the names of the classes by those in a file. Either every line is
    /// `class<TAB>name`, or every line is a name. In the second case:
    ///
    /// - if every class is one of the names, it has that name;
    /// - if all labels of a CSV file are whole numbers, the label `n` has the name on line `n`,
    ///   counted from 0;
    /// - otherwise the names are those of the sorted classes, in order.
    ///
    /// Names of classes without images are kept, since images may be mistaken for them. In the last
    /// case there cannot be any.
    ///
    /// # Errors
    /// If the file cannot be read, a line is blank, a class does not have exactly one name, or the
    /// order of the classes is ambiguous.
    pub fn rename_classes(self, path: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let numbers = if self.source.is_dir() { Numbers::AreNames } else { Numbers::CountLines };
        let ClassNames { names, of_class } =
            class_names::read(path.as_ref(), &self.classes, numbers)?;
        let labels = self.labels.iter().map(|&label| of_class[label]).collect();
        Ok(Self { classes: names, labels, ..self })
    }

    /// Replaces the classes by those of `other`, in their order. So labels of test images become
    /// the class indices of a classifier that was trained on `other`.
    ///
    /// # Errors
    /// If `other` lacks a class of these images.
    pub fn adopt_classes(self, other: &Self) -> Result<Self, DatasetError> {
        let places: HashMap<_, _> = other.classes.iter().zip(0..).collect();
        let place = |class: &String| {
            places.get(class).copied().ok_or_else(|| DatasetError::UnknownClass {
                path: self.source.clone(),
                class: class.clone(),
                classes: other.source.clone(),
            })
        };
        let of_class = self.classes.iter().map(place).collect::<Result<Vec<usize>, _>>()?;
        let labels = self.labels.iter().map(|&label| of_class[label]).collect();
        Ok(Self { classes: other.classes.clone(), labels, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_a_csv_file_are_its_sorted_labels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        std::fs::write(&path, "label,image\ndog,b/2.png\n cat ,1.png\ndog,3.png\n").unwrap();
        let data = LabelledImages::open(&path).unwrap();
        assert_eq!(data.classes, ["cat", "dog"]);
        assert_eq!(data.labels, [1, 0, 1]);
        assert_eq!(data.paths, ["b/2.png", "1.png", "3.png"].map(|name| folder.path().join(name)));

        std::fs::write(&path, "label,image\n").unwrap();
        let error = LabelledImages::open(&path).unwrap_err();
        assert!(matches!(error, DatasetError::NoImages { .. }), "{error}");
        let error = LabelledImages::open(folder.path().join("none")).unwrap_err();
        assert!(matches!(error, DatasetError::Io { .. }), "{error}");
    }

    fn data(classes: &[&str], labels: &[usize]) -> LabelledImages {
        LabelledImages {
            source: PathBuf::from("data"),
            classes: classes.iter().map(|&class| class.to_owned()).collect(),
            paths: labels.iter().map(|label| PathBuf::from(format!("{label}.png"))).collect(),
            labels: labels.to_vec(),
        }
    }

    #[test]
    fn names_move_labels_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.txt");
        std::fs::write(&path, "b\tthe second\nc\tthe third\na\tthe first\n").unwrap();
        let named = data(&["a", "b"], &[0, 1, 1]).rename_classes(&path).unwrap();
        assert_eq!(named.classes, ["the second", "the third", "the first"]);
        assert_eq!(named.labels, [2, 0, 0]);
    }

    #[test]
    fn test_classes_are_those_of_the_training() {
        let train = data(&["a", "b", "c"], &[0, 1, 2]);
        let test = data(&["a", "c"], &[1, 0, 1]).adopt_classes(&train).unwrap();
        assert_eq!((test.classes, test.labels), (train.classes.clone(), vec![2, 0, 2]));
        let error = data(&["a", "d"], &[1, 0]).adopt_classes(&train).unwrap_err();
        assert_eq!(error.to_string(), "data: class \"d\" is not one of data");
    }
}
