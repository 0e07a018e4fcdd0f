//! What a data set can have wrong.

use std::io;
use std::path::PathBuf;

/// Why a data set cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A folder's name is no text, so it cannot name a class.
    #[error("{}: expected a folder name in UTF-8", path.display())]
    FolderName {
        /// The folder.
        path: PathBuf,
    },
    /// A folder of classes has none.
    #[error("{}: expected a folder for each class, found none", path.display())]
    NoClassFolders {
        /// The folder.
        path: PathBuf,
    },
    /// There is nothing to measure.
    #[error("{}: expected at least one image, found none", path.display())]
    NoImages {
        /// The folder or file.
        path: PathBuf,
    },
    /// A line of a CSV file contradicts the format.
    #[error("{}: line {line}: {message}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// A CSV file lacks a column.
    #[error("{}: line 1: expected a column \"{column}\", found {found}", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: &'static str,
        /// The columns there are.
        found: String,
    },
    /// A field that must say something is blank.
    #[error("{}: line {line}: column \"{column}\": expected a text, found none", path.display())]
    Blank {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column's name.
        column: &'static str,
    },
    /// A JSON file is damaged, or a field is missing or of the wrong type.
    #[error("{}: {}{message}", path.display(), field.as_ref().map_or("".into(), |f| format!("{f}: ")))]
    Json {
        /// The file.
        path: PathBuf,
        /// The field, with the lists and objects around it; none where the file is no such JSON.
        field: Option<String>,
        /// What is wrong with it, and where.
        message: String,
    },
    /// A split has no images.
    #[error("{}: expected images of the split \"{split}\", found the splits {found}", path.display())]
    NoSplit {
        /// The file.
        path: PathBuf,
        /// The split.
        split: String,
        /// The splits there are.
        found: String,
    },
    /// An image without captions can be neither found nor find.
    #[error("{}: images[{image}].sentences: expected at least one, found none", path.display())]
    NoCaptions {
        /// The file.
        path: PathBuf,
        /// The place of the image in its list, from 0.
        image: usize,
    },
    /// A line of class names is blank, or without the tab that the others have.
    #[error("{}: line {line}: expected {expected}, found {found:?}", path.display())]
    ClassLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What may stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// Names in the order of the classes must be as many.
    #[error(
        "{}: expected {expected} names, one for each class in sorted order, found {found}; \
         `class<TAB>name` on each line says which is which", path.display()
    )]
    ClassCount {
        /// The file.
        path: PathBuf,
        /// The number of classes.
        expected: usize,
        /// The number of names.
        found: usize,
    },
    /// Folders named by numbers sort in one way as names and in another as numbers.
    #[error(
        "{}: the classes are numbers, whose order is not plain (\"10\" sorts before \"9\"); \
         `class<TAB>name` on each line says which is which", path.display()
    )]
    ClassOrder {
        /// The file.
        path: PathBuf,
    },
    /// One class is named twice.
    #[error("{}: class {class:?}: expected once, found again on line {line}", path.display())]
    ClassTwice {
        /// The file.
        path: PathBuf,
        /// The class.
        class: String,
        /// The line, from 1.
        line: usize,
    },
    /// A class has no line in a file that names classes one by one.
    #[error("{}: class {class:?}: expected a line for it, found none", path.display())]
    NoClassName {
        /// The file.
        path: PathBuf,
        /// The class.
        class: String,
    },
    /// A class that is a number counts lines, and there are not so many.
    #[error(
        "{}: class {class:?}: expected a number below {lines}, the lines there are", path.display()
    )]
    ClassNumber {
        /// The file.
        path: PathBuf,
        /// The class.
        class: String,
        /// The number of lines.
        lines: usize,
    },
    /// A class of the data is not among those that it may have.
    #[error("{}: class {class:?} is not one of {}", path.display(), classes.display())]
    UnknownClass {
        /// Where the class is.
        path: PathBuf,
        /// The class.
        class: String,
        /// Where the classes come from.
        classes: PathBuf,
    },
}

impl DatasetError {
    /// An error of the system about a path.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
