//! Images with labels.

use super::class_names::{self, ClassNames, Numbers};
use super::csv::for_each_row;
use super::{DatasetError, image_folder};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Images, each of one class.
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
    /// The folder or file.
    pub source: PathBuf,
    /// What the classes are called.
    pub classes: Vec<String>,
    /// The image files.
    pub paths: Vec<PathBuf>,
    /// The class of each, an index into `classes`.
    pub labels: Vec<usize>,
}

impl LabelledImages {
    /// Reads a folder as [`from_folder`](Self::from_folder) does, any other file as
    /// [`from_csv`](Self::from_csv).
    ///
    /// # Errors
    /// As those two.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        if path.is_dir() { Self::from_folder(path) } else { Self::from_csv(path) }
    }

    /// Reads a folder with a folder for each class, the layout of torchvision's `ImageFolder`.
    ///
    /// Classes are sorted by name. In each folder and those below it, what is an image by its
    /// content or by its name counts; hidden files and folders do not.
    ///
    /// # Errors
    /// Where a folder cannot be read, there is none, or one has no image.
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

    /// Reads a CSV file with the columns `image`, relative to the folder of the file, and `label`.
    /// Classes are the labels that occur, sorted.
    ///
    /// # Errors
    /// Where the file cannot be read, lacks a column, has a damaged row or a blank field, or no
    /// row.
    pub fn from_csv(path: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let source = path.as_ref().to_owned();
        let folder = source.parent().unwrap_or(Path::new(""));
        let (mut paths, mut of_images) = (Vec::new(), Vec::new());
        for_each_row(&source, ["image", "label"], |[image, label]| {
            paths.push(folder.join(image));
            of_images.push(label.trim().to_owned());
        })?;
        if paths.is_empty() {
            return Err(DatasetError::NoImages { path: source });
        }
        let classes: Vec<_> = BTreeSet::from_iter(of_images.iter().cloned()).into_iter().collect();
        let found = |label: &String| classes.binary_search(label).expect("all labels are classes");
        let labels = of_images.iter().map(found).collect();
        Ok(Self { source, classes, paths, labels })
    }

    /// The same with what the classes are called from a file. Every line is `class<TAB>name`, or
    /// every line is a name:
    ///
    /// - where every class is itself one of the names, it has that;
    /// - where all labels of a CSV file are whole numbers, the label `n` has the name in line `n`,
    ///   counted from 0;
    /// - else the names are those of the sorted classes, in their order.
    ///
    /// Names of classes without images are kept where the file says which those are: images may
    /// be mistaken for them.
    ///
    /// # Errors
    /// Where the file cannot be read, a line is blank, a class has no name or two, or the order
    /// of the classes is not plain.
    pub fn rename_classes(self, path: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let numbers = if self.source.is_dir() { Numbers::AreNames } else { Numbers::CountLines };
        let ClassNames { names, of_class } =
            class_names::read(path.as_ref(), &self.classes, numbers)?;
        let labels = self.labels.iter().map(|&label| of_class[label]).collect();
        Ok(Self { classes: names, labels, ..self })
    }

    /// The same with the classes of other data, in their order: of test images with those that a
    /// classifier was trained on.
    ///
    /// # Errors
    /// Where a class of these images is none of them.
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
