//! Helpers of the commands that work with an index.

use crate::cli::Global;
use align_model::{AlignModel, AlignProcessor, Runtime};
use align_search::{Index, IndexError, Item, ModelIdentity};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A model with its processor and its identity.
pub(crate) struct Embedder {
    pub(crate) model: AlignModel,
    pub(crate) processor: AlignProcessor,
    pub(crate) identity: ModelIdentity,
    pub(crate) runtime: Runtime,
}

impl Embedder {
    pub(crate) fn load(global: &Global) -> Result<Self> {
        let runtime = global.runtime()?;
        let source = global.model_source()?;
        let processor = source.processor()?;
        let model = global.load_model()?;
        let fingerprint = source.fingerprint(&runtime.threads).context("cannot read the model")?;
        let identity = ModelIdentity::new(fingerprint, &model, &processor, model.precision());
        Ok(Self { model, processor, identity, runtime })
    }
}

/// The names of the items of an index, as seen from the current folder.
pub(crate) struct ItemNames<'i> {
    index: &'i Index,
    /// Whether relative paths of the index count from the current folder.
    is_here: bool,
}

impl<'i> ItemNames<'i> {
    pub(crate) fn new(index: &'i Index) -> Self {
        let is_here = std::env::current_dir().is_ok_and(|current| current == index.base());
        Self { index, is_here }
    }

    /// The text of a row, or the path of its file.
    pub(crate) fn name(&self, row: usize) -> Result<String, IndexError> {
        Ok(match self.index.item(row)? {
            Item::Image(item) if !self.is_here && Path::new(&item.path).is_relative() => {
                self.index.base().join(item.path).display().to_string()
            }
            Item::Image(item) => item.path,
            Item::Text(item) => item.text,
        })
    }

    /// The path of the file of a row, or `None` for a text.
    pub(crate) fn path(&self, row: usize) -> Result<Option<PathBuf>, IndexError> {
        Ok(match self.index.item(row)? {
            Item::Image(item) => Some(self.index.base().join(item.path)),
            Item::Text(_) => None,
        })
    }
}

/// Opens an index for reading. A remark is printed if the last run that wrote it was interrupted.
pub(crate) fn open(global: &Global, folder: &Path) -> Result<Index> {
    let index = Index::open(folder)?;
    if !index.is_finished() {
        let (folder, items) = (folder.display(), index.len());
        global.remark(format_args!(
            "{folder}: the last run was interrupted; the index has {items} items"
        ));
    }
    Ok(index)
}
