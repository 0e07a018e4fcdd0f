//! What an index is of, and what it was made with.

use super::IndexError;
use crate::ModelIdentity;
use crate::npy::Dtype;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// What the items of an index are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Image files.
    Images,
    /// Texts.
    Texts,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Images => "images",
            Self::Texts => "texts",
        })
    }
}

/// What an index is of, and what it was made with: the same for all of its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What its items are.
    pub kind: Kind,
    /// How its embeddings are kept.
    pub dtype: Dtype,
    /// What made them.
    pub model: ModelIdentity,
}

impl Description {
    /// Finds out whether embeddings of `model` may be compared with those of the index in `folder`
    /// that this describes.
    ///
    /// # Errors
    /// [`IndexError::Other`], naming the first difference.
    pub fn check_model(&self, folder: &Path, model: &ModelIdentity) -> Result<(), IndexError> {
        match self.model.difference(model) {
            None => Ok(()),
            Some((what, index, asked)) => {
                Err(IndexError::Other { folder: folder.to_owned(), what, index, asked })
            }
        }
    }

    /// Finds out whether an index that is described by `asked` may be written into the one in
    /// `folder` that this describes.
    pub(super) fn check(&self, folder: &Path, asked: &Self) -> Result<(), IndexError> {
        let other = |what: &str, index: &dyn fmt::Display, asked: &dyn fmt::Display| {
            let (what, index, asked) = (what.to_owned(), index.to_string(), asked.to_string());
            Err(IndexError::Other { folder: folder.to_owned(), what, index, asked })
        };
        if self.kind != asked.kind {
            return other("kind of items", &self.kind, &asked.kind);
        }
        if self.dtype != asked.dtype {
            return other("element type", &self.dtype, &asked.dtype);
        }
        self.check_model(folder, &asked.model)
    }
}
