//! Files that hold many samples.
//!
//! - `tar`: archives of a file for each part of a sample, as webdataset lays them out;
//! - `parquet`: tables with a row for each sample (feature `parquet`).

#[cfg(feature = "parquet")]
mod parquet;
mod tar;

use crate::failure::Usage;
use anyhow::Result;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The longest caption, or JSON that holds one, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// What an argument for images names, told by its extension.
#[derive(Debug)]
pub(crate) enum Source {
    /// A file that holds one image, or is none.
    File(PathBuf),
    /// A file that holds many.
    Shard(Shard),
}

impl Source {
    /// # Errors
    /// As [`Shard::of`].
    pub(crate) fn of(path: PathBuf) -> Result<Self, Usage> {
        Ok(match Shard::of(&path)? {
            Some(shard) => Self::Shard(shard),
            None => Self::File(path),
        })
    }
}

/// A file that holds many samples.
#[derive(Debug)]
pub(crate) enum Shard {
    /// `.tar`
    Tar(PathBuf),
    /// `.parquet`
    #[cfg(feature = "parquet")]
    Parquet(PathBuf),
}

/// A part of a sample, or why it cannot be had. What concerns the rest of a shard comes as an item
/// that has the shard's name.
pub(crate) struct Item<T> {
    /// The shard's path, and within it a member's path or a row's number from 0.
    pub(crate) name: String,
    pub(crate) content: Result<T>,
}

/// Takes items one by one; its errors end the reading.
pub(crate) type Receive<'a, T> = dyn FnMut(Item<T>) -> Result<()> + 'a;

impl Shard {
    /// The shard that a path names by its extension.
    ///
    /// # Errors
    /// If this program was built without what reads it.
    pub(crate) fn of(path: &Path) -> Result<Option<Self>, Usage> {
        let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("tar") => Ok(Some(Self::Tar(path.to_owned()))),
            #[cfg(feature = "parquet")]
            Some("parquet") => Ok(Some(Self::Parquet(path.to_owned()))),
            #[cfg(not(feature = "parquet"))]
            Some("parquet") => {
                Err(Usage(format!("{}: {}", path.display(), crate::cli::NO_PARQUET)))
            }
            _ => Ok(None),
        }
    }

    /// The images in it, as files of at most `max_bytes`: of a row the `column`, of a sample the
    /// part of that name, or else those that have the name of an image.
    ///
    /// # Errors
    /// Those of `receive`; a shard's own come as items.
    pub(crate) fn images(
        &self,
        column: Option<&str>,
        max_bytes: u64,
        receive: &mut Receive<'_, Vec<u8>>,
    ) -> Result<()> {
        match self {
            Self::Tar(path) => tar::images(path, column, max_bytes, receive),
            #[cfg(feature = "parquet")]
            Self::Parquet(path) => parquet::images(path, column, max_bytes, receive),
        }
    }

    /// The captions in it: of a row the `column`, of a sample that field of its JSON, or else the
    /// column and the part that have the name of a text.
    ///
    /// # Errors
    /// Those of `receive`; a shard's own come as items.
    pub(crate) fn captions(
        &self,
        column: Option<&str>,
        receive: &mut Receive<'_, String>,
    ) -> Result<()> {
        match self {
            Self::Tar(path) => tar::captions(path, column, receive),
            #[cfg(feature = "parquet")]
            Self::Parquet(path) => parquet::captions(path, column, receive),
        }
    }
}
