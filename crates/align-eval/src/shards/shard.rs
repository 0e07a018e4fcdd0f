//! A shard by its format.

use super::error::ShardError;
use super::item::{Item, Kind, Receive};
#[cfg(feature = "parquet")]
use super::parquet;
use super::{tar, text};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The formats of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShardFormat {
    /// `.tar`, as webdataset lays it out.
    Tar,
    /// `.parquet`.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// A file that holds many samples.
#[derive(Clone, Debug)]
pub struct Shard {
    name: String,
    format: ShardFormat,
    storage: Storage,
}

#[derive(Clone, Debug)]
enum Storage {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

impl Shard {
    /// The shard at a path, if the extension is that of a shard. The file is not opened yet.
    ///
    /// # Errors
    /// If the crate was built without the reader of the format.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Option<Self>, ShardError> {
        let path = path.as_ref();
        let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        let format = match extension.as_deref() {
            Some("tar") => ShardFormat::Tar,
            #[cfg(feature = "parquet")]
            Some("parquet") => ShardFormat::Parquet,
            #[cfg(not(feature = "parquet"))]
            Some("parquet") => return Err(ShardError::NoParquet { path: path.to_owned() }),
            _ => return Ok(None),
        };
        let (name, storage) = (path.display().to_string(), Storage::File(path.to_owned()));
        Ok(Some(Self { name, format, storage }))
    }

    /// The shard in `bytes`. Items and messages call it `name`.
    pub fn from_bytes(
        name: impl Into<String>,
        format: ShardFormat,
        bytes: impl Into<Arc<[u8]>>,
    ) -> Self {
        Self { name: name.into(), format, storage: Storage::Bytes(bytes.into()) }
    }

    /// Passes the images on as files of at most `max_bytes` bytes.
    ///
    /// `column` is the name of a column of a Parquet file, or of a part of the samples of a tar
    /// file. Without it, the usual names of images are tried.
    ///
    /// # Errors
    /// Errors of `receive`. Errors of the shard are items.
    pub fn images<E>(
        &self,
        column: Option<&str>,
        max_bytes: u64,
        receive: &mut Receive<'_, Vec<u8>, E>,
    ) -> Result<(), E> {
        self.parts(Kind::Images, column, max_bytes, receive)
    }

    /// Passes the captions on.
    ///
    /// `column` is the name of a column of a Parquet file, or of a field of the `.json` members of
    /// a tar file. Without it, the usual columns or the `.txt` members are read.
    ///
    /// # Errors
    /// Errors of `receive`. Errors of the shard are items.
    pub fn captions<E>(
        &self,
        column: Option<&str>,
        receive: &mut Receive<'_, String, E>,
    ) -> Result<(), E> {
        let text = |bytes: Vec<u8>| match (self.format, column) {
            (ShardFormat::Tar, Some(field)) => text::field_of_json(&bytes, field),
            (ShardFormat::Tar, None) => Ok(text::from_utf8(bytes)?.trim().to_owned()),
            #[cfg(feature = "parquet")]
            (ShardFormat::Parquet, _) => text::from_utf8(bytes),
        };
        self.parts(Kind::Captions, column, text::MAX_BYTES, &mut |Item { name, content }| {
            receive(Item { name, content: content.and_then(text) })
        })
    }

    fn parts<E>(
        &self,
        kind: Kind,
        column: Option<&str>,
        max_bytes: u64,
        receive: &mut Receive<'_, Vec<u8>, E>,
    ) -> Result<(), E> {
        match &self.storage {
            Storage::File(path) => match open(path) {
                Ok((file, len)) => match self.format {
                    ShardFormat::Tar => {
                        let wanted = tar::Wanted::new(kind, column);
                        tar::for_each_part(&self.name, file, len, &wanted, max_bytes, receive)
                    }
                    #[cfg(feature = "parquet")]
                    ShardFormat::Parquet => {
                        let wanted = parquet::Wanted::new(kind, column);
                        parquet::for_each_cell(&self.name, file, &wanted, max_bytes, receive)
                    }
                },
                Err(error) => receive(Item { name: self.name.clone(), content: Err(error.into()) }),
            },
            Storage::Bytes(bytes) => match self.format {
                ShardFormat::Tar => {
                    let wanted = tar::Wanted::new(kind, column);
                    let (reader, len) = (Cursor::new(bytes), bytes.len() as u64);
                    tar::for_each_part(&self.name, reader, len, &wanted, max_bytes, receive)
                }
                #[cfg(feature = "parquet")]
                ShardFormat::Parquet => {
                    let wanted = parquet::Wanted::new(kind, column);
                    let reader = bytes::Bytes::from_owner(Arc::clone(bytes));
                    parquet::for_each_cell(&self.name, reader, &wanted, max_bytes, receive)
                }
            },
        }
    }
}

/// The file and its length in bytes.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok((file, len))
}
