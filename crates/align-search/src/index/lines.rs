//! Random access to the lines of a mapped file.

use super::error::IndexError;
use super::files::FileEntry;
use align_tensor::MappedFile;
use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};

/// The lines of a file that the manifest lists.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: MappedFile,
    /// The end of each line, without its line feed.
    ends: Vec<usize>,
}

impl Lines {
    pub(super) fn open(folder: &Path, entry: &FileEntry) -> Result<Self, IndexError> {
        let path = folder.join(&entry.name);
        let file = open_listed(&path, entry)?;
        let bytes = file.bytes();
        let ends: Vec<usize> = memchr::memchr_iter(b'\n', bytes).collect();
        if ends.last().map_or(0, |end| end + 1) != bytes.len() {
            let expected = "a line feed";
            return Err(IndexError::field(&path, "the end", expected, "something else"));
        }
        Ok(Self { path, file, ends })
    }

    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The JSON value of a line.
    ///
    /// # Panics
    /// If there is no such line.
    pub(super) fn parse<T: DeserializeOwned>(&self, line: usize) -> Result<T, IndexError> {
        let start = line.checked_sub(1).map_or(0, |before| self.ends[before] + 1);
        serde_json::from_slice(&self.file.bytes()[start..self.ends[line]]).map_err(|error| {
            let message = format!("line {}: {error}", line + 1);
            IndexError::Json { file: self.path.clone(), message }
        })
    }
}

/// Opens a file that the manifest lists and checks its length.
pub(super) fn open_listed(path: &Path, entry: &FileEntry) -> Result<MappedFile, IndexError> {
    let file = match MappedFile::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(IndexError::MissingFile { file: path.to_owned() });
        }
        opened => opened.map_err(IndexError::io(path, "read"))?,
    };
    let (expected, found) = (entry.bytes, file.len());
    match expected == found {
        true => Ok(file),
        false => Err(IndexError::Length { file: path.to_owned(), expected, found }),
    }
}
