//! Items of an index. They are stored as lines of JSON.

use crate::digest::Digest;
use serde::{Deserialize, Serialize};

/// The image or text that an embedding belongs to.
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
    /// The path. A relative path counts from the [base](super::Index::base) of the index.
    pub path: String,
    /// The state and the content of the file.
    #[serde(flatten)]
    pub stamp: FileStamp,
}

/// A text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextItem {
    /// The text.
    pub text: String,
}

/// The state and the content of a file, by which it is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// The length in bytes.
    pub size: u64,
    /// The time of the last change, in nanoseconds since 1970.
    pub mtime: i64,
    /// The digest of the bytes.
    pub sha256: Digest,
}

/// A file that could not be embedded. It is tried again when it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The path, as in [`ImageItem`].
    pub path: String,
    /// The state and the content of the file.
    #[serde(flatten)]
    pub stamp: FileStamp,
    /// The reason.
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
