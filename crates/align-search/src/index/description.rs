//! The description of an index: its items, and how its embeddings were made.

use super::error::IndexError;
use crate::identity::ModelIdentity;
use crate::npy::Dtype;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// The kind of items of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// Image files.
    Images,
    /// Texts.
    Texts,
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Images => "images",
            Self::Texts => "texts",
        })
    }
}

/// The properties of an index that never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The kind of its items.
    pub kind: ItemKind,
    /// The element type of its embeddings.
    pub dtype: Dtype,
    /// The model that made the embeddings.
    pub model: ModelIdentity,
}

impl Description {
    /// Checks that embeddings of `model` may be compared with those of the index in `folder`, which
    /// this describes.
    ///
    /// # Errors
    /// If they may not: [`IndexError::Incompatible`], which names the first difference.
    pub fn check_model(&self, folder: &Path, model: &ModelIdentity) -> Result<(), IndexError> {
        match self.model.difference(model) {
            None => Ok(()),
            Some((property, index, requested)) => {
                let folder = folder.to_owned();
                Err(IndexError::Incompatible { folder, property, index, requested })
            }
        }
    }

    /// Checks that a run which needs an index as `requested` may write the index in `folder`, which
    /// this describes.
    pub(super) fn check(&self, folder: &Path, requested: &Self) -> Result<(), IndexError> {
        let incompatible = |property: &str, index: String, requested: String| {
            let (folder, property) = (folder.to_owned(), property.to_owned());
            Err(IndexError::Incompatible { folder, property, index, requested })
        };
        if self.kind != requested.kind {
            let (index, requested) = (self.kind.to_string(), requested.kind.to_string());
            return incompatible("kind of items", index, requested);
        }
        if self.dtype != requested.dtype {
            let (index, requested) = (self.dtype.to_string(), requested.dtype.to_string());
            return incompatible("element type", index, requested);
        }
        self.check_model(folder, &requested.model)
    }
}
