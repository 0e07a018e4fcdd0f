//! Errors of data sets.

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
    /// The name of a folder is not UTF-8, so it cannot name a class.
    #[error("{}: expected a folder name in UTF-8", path.display())]
    FolderName {
        /// The folder.
        path: PathBuf,
    },
    /// A folder has no folders of classes in it.
    #[error("{}: expected a folder for each class, found none", path.display())]
    NoClassFolders {
        /// The folder.
        path: PathBuf,
    },
    /// A folder or file has no images.
    #[error("{}: expected at least one image, found none", path.display())]
    NoImages {
        /// The folder or file.
        path: PathBuf,
    },
    /// A line of a CSV file is damaged.
    #[error("{}: line {line}: {message}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The fault.
        message: String,
    },
    /// A CSV file lacks a column.
    #[error("{}: line 1: expected a column \"{column}\", found {found}", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The name of the column.
        column: &'static str,
        /// The columns of the file.
        found: String,
    },
    /// A field is blank.
    #[error("{}: line {line}: column \"{column}\": expected a text, found none", path.display())]
    Blank {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The name of the column.
        column: &'static str,
    },
    /// A JSON file is damaged, or a field is missing or of the wrong type.
    #[error("{}: {}{message}", path.display(), field.as_ref().map_or("".into(), |f| format!("{f}: ")))]
    Json {
        /// The file.
        path: PathBuf,
        /// The path of the field, or `None` if the file as a whole is at fault.
        field: Option<String>,
        /// The fault and its place.
        message: String,
    },
    /// A split has no images.
    #[error("{}: expected images of the split \"{split}\", found the splits {found}", path.display())]
    NoSplit {
        /// The file.
        path: PathBuf,
        /// The split.
        split: String,
        /// The splits of the file.
        found: String,
    },
    /// An image has no captions, so it could neither find nor be found.
    #[error("{}: images[{image}].sentences: expected at least one, found none", path.display())]
    NoCaptions {
        /// The file.
        path: PathBuf,
        /// The index of the image in its list, from 0.
        image: usize,
    },
    /// A line of class names is blank, or only some lines have a tab.
    #[error("{}: line {line}: expected {expected}, found {found:?}", path.display())]
    ClassLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The expected content of the line.
        expected: &'static str,
        /// The line.
        found: String,
    },
    /// The number of names in a file is not that of the classes.
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
    /// Classes are numbers whose order as texts differs from their order as numbers.
    #[error(
        "{}: the classes are numbers, whose order is ambiguous (\"10\" sorts before \"9\"); \
         `class<TAB>name` on each line says which is which", path.display()
    )]
    ClassOrder {
        /// The file.
        path: PathBuf,
    },
    /// A class has two names.
    #[error("{}: class {class:?}: expected once, found again on line {line}", path.display())]
    ClassTwice {
        /// The file.
        path: PathBuf,
        /// The class.
        class: String,
        /// The line, from 1.
        line: usize,
    },
    /// A class has no line in a file of classes and names.
    #[error("{}: class {class:?}: expected a line for it, found none", path.display())]
    NoClassName {
        /// The file.
        path: PathBuf,
        /// The class.
        class: String,
    },
    /// A class is the number of a line that does not exist.
    #[error(
        "{}: class {class:?}: expected a number below {lines}, the number of lines", path.display()
    )]
    ClassNumber {
        /// The file.
        path: PathBuf,
        /// The class.
        class: String,
        /// The number of lines.
        lines: usize,
    },
    /// A class is not among the classes that were expected.
    #[error("{}: class {class:?} is not one of {}", path.display(), classes.display())]
    UnknownClass {
        /// The data that has the class.
        path: PathBuf,
        /// The class.
        class: String,
        /// The data that has the expected classes.
        classes: PathBuf,
    },
}

impl DatasetError {
    /// Turns an error of the system into one that names `path`.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
