//! Arguments that are images or shards.

use crate::failure::Usage;
use align_eval::shards::{Shard, ShardError};
use std::path::{Path, PathBuf};

/// An argument that names images. The extension decides which kind it is.
#[derive(Debug)]
pub(crate) enum Source {
    /// A file that should hold one image.
    File(PathBuf),
    /// A file that holds many.
    Shard(Shard),
}

impl Source {
    /// # Errors
    /// As [`shard`].
    pub(crate) fn from_path(path: PathBuf) -> Result<Self, Usage> {
        Ok(match shard(&path)? {
            Some(shard) => Self::Shard(shard),
            None => Self::File(path),
        })
    }
}

/// The shard at a path, if the extension is that of a shard.
///
/// # Errors
/// If the program was built without the reader of the format.
pub(crate) fn shard(path: &Path) -> Result<Option<Shard>, Usage> {
    Shard::from_path(path).map_err(|error| match error {
        #[cfg(not(feature = "parquet"))]
        ShardError::NoParquet { path } => {
            Usage(format!("{}: {}", path.display(), crate::cli::NO_PARQUET))
        }
        other => Usage(other.to_string()),
    })
}

/// The error of an item. It names the flag that would choose another column.
pub(super) fn item_error(error: ShardError) -> anyhow::Error {
    match error {
        #[cfg(feature = "parquet")]
        ShardError::Table(align_eval::shards::TableError::NoUsualColumn {
            expected,
            names,
            found,
        }) => anyhow::anyhow!(
            "expected a column of {expected} named {names}, or another by --column, found {found}"
        ),
        other => other.into(),
    }
}
