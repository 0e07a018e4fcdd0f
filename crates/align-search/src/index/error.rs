//! Errors of an index.

use crate::digest::Digest;
use crate::npy::NpyError;
use align_model::ModelError;
use std::io;
use std::path::{Path, PathBuf};

/// Why an index cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A file or folder cannot be read or written.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The action that failed.
        action: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// The folder has no index.
    #[error("{}: no index here: there is no manifest.json", folder.display())]
    NoIndex {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder has other files, so no index is begun in it.
    #[error(
        "{}: not an index and not empty: it holds {found:?}; choose a new or empty folder",
        folder.display()
    )]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
        /// One of the other files.
        found: String,
    },
    /// Another process writes the index.
    #[error("{}: locked: another process is writing this index", lock.display())]
    Locked {
        /// The lock file.
        lock: PathBuf,
    },
    /// A writer replaced the index each time that it was being opened.
    #[error("{}: changed again and again while it was being opened", folder.display())]
    ChangedWhileOpening {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is not valid JSON of its format.
    #[error("{}: {message}", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// The place and the fault.
        message: String,
    },
    /// A field is not valid, or a file contradicts it.
    #[error("{}: {field}: expected {expected}, found {found}", file.display())]
    Field {
        /// The file.
        file: PathBuf,
        /// The field.
        field: String,
        /// The value expected.
        expected: String,
        /// The value found.
        found: String,
    },
    /// The bytes of a file have changed.
    #[error("{}: damaged or changed: expected SHA-256 {expected}, found {found}", file.display())]
    Checksum {
        /// The file.
        file: PathBuf,
        /// The digest when it was written.
        expected: Digest,
        /// The digest now.
        found: Digest,
    },
    /// A file of the index is missing.
    #[error("{}: missing, though manifest.json lists it", file.display())]
    MissingFile {
        /// The file.
        file: PathBuf,
    },
    /// The length of a file has changed.
    #[error("{}: expected {expected} bytes, found {found}", file.display())]
    Length {
        /// The file.
        file: PathBuf,
        /// The length when it was written.
        expected: u64,
        /// The length now.
        found: u64,
    },
    /// A file of embeddings is damaged.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// The index was made in another way, so its embeddings cannot be compared with new ones.
    #[error(
        "{}: made with another {property}: the index has {index}, this run {requested}; \
         use the settings of the index, or make a new index",
        folder.display()
    )]
    Incompatible {
        /// The folder.
        folder: PathBuf,
        /// The property that differs.
        property: String,
        /// Its value in the index.
        index: String,
        /// Its value in this run.
        requested: String,
    },
    /// An embedding has another dimension than the index, or not unit length.
    #[error("embedding of {item:?}: expected {expected}, found {found}")]
    Embedding {
        /// The name of its item.
        item: String,
        /// The property expected.
        expected: String,
        /// The property found.
        found: String,
    },
    /// The model rejects its input.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl IndexError {
    /// Turns an error of the system into one that names `path` and `action`.
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    pub(crate) fn field(
        file: &Path,
        field: impl Into<String>,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self::Field {
            file: file.to_owned(),
            field: field.into(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}
