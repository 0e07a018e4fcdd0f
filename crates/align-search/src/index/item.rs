//! What embeddings belong to: lines of JSON.

use crate::digest::Digest;
use serde::{Deserialize, Serialize};

/// What an embedding belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Item {
    /// An image file.
    Image(ImageItem),
    /// A text.
    Text(TextItem),
}

/// An image file as it was when it was embedded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageItem {
    /// Its path; a relative one counts from the index's [base](super::Index::base).
    pub path: String,
    /// State and content.
    #[serde(flatten)]
    pub stamp: FileStamp,
}

/// A text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextItem {
    /// The text.
    pub text: String,
}

/// By what a file is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Its length in bytes.
    pub size: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub mtime: i64,
    /// The digest of its bytes.
    pub sha256: Digest,
}

/// A file that could not be embedded, and why. It is tried again when it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its path, as in [`ImageItem`].
    pub path: String,
    /// State and content.
    #[serde(flatten)]
    pub stamp: FileStamp,
    /// What is wrong with it.
    pub reason: String,
}

impl Item {
    /// The path or the text.
    pub fn name(&self) -> &str {
        match self {
            Self::Image(item) => &item.path,
            Self::Text(item) => &item.text,
        }
    }
}
