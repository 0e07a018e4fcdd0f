//! What can be wrong with an index.

use crate::digest::Digest;
use crate::npy::NpyError;
use align_model::ModelError;
use std::io;
use std::path::{Path, PathBuf};

/// Why an index cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The system refused something.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// There is no index.
    #[error("{}: no index here: there is no manifest.json", folder.display())]
    NoIndex {
        /// The folder.
        folder: PathBuf,
    },
    /// A new index is not laid among other files.
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
    /// Two writers at once would undo each other's work.
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
    /// A file is not the JSON that it should be.
    #[error("{}: {message}", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// Where and why reading stopped.
        message: String,
    },
    /// A field, or something that it promises, is not as it must be.
    #[error("{}: {field}: expected {expected}, found {found}", file.display())]
    Field {
        /// The file.
        file: PathBuf,
        /// The field.
        field: String,
        /// What must stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The bytes of a file are not those that were written.
    #[error("{}: damaged or changed: expected SHA-256 {expected}, found {found}", file.display())]
    Checksum {
        /// The file.
        file: PathBuf,
        /// The digest when it was written.
        expected: Digest,
        /// The digest now.
        found: Digest,
    },
    /// A file of the index is not there.
    #[error("{}: missing, though manifest.json lists it", file.display())]
    MissingFile {
        /// The file.
        file: PathBuf,
    },
    /// A file has been cut short, or something has been added.
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
    /// Embeddings of two models are never mixed or compared.
    #[error(
        "{}: made with another {property}: the index has {index}, this run {requested}; \
         run as the index was made, or make a new one",
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
    /// An embedding does not fit the index.
    #[error("embedding of {item:?}: expected {expected}, found {found}")]
    Embedding {
        /// What it belongs to.
        item: String,
        /// What an embedding must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The model refuses its input.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl IndexError {
    /// Wraps what the system said about `path` when `action` was tried.
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
