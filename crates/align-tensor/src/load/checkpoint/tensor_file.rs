//! One safetensors file, opened and checked.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use super::header;
use super::header::{Entry, Header};
use super::storage::Storage;
use super::{CheckpointError, Dtype, ReadMode};
use crate::number::NumbersCow;
use crate::number::elements::zeroed;

/// The data of one file. The caller keeps the entries of its tensors, since one
/// index may name several files.
#[derive(Debug)]
pub(super) struct TensorFile {
    path: PathBuf,
    storage: Storage,
}

impl TensorFile {
    /// Opens a file and reads its header.
    pub(super) fn open(path: PathBuf, mode: ReadMode) -> Result<(Self, Header), CheckpointError> {
        let storage = Storage::open(&path, mode)?;
        Self::from_storage(path, storage)
    }

    /// The same for bytes that are already in memory.
    pub(super) fn from_storage(
        path: PathBuf,
        storage: Storage,
    ) -> Result<(Self, Header), CheckpointError> {
        let header = header::read(&path, &storage)?;
        Ok((Self { path, storage }, header))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes, header included.
    pub(super) fn len(&self) -> u64 {
        self.storage.len()
    }

    /// A tensor's elements as f32, borrowed if they are mapped and stored as f32.
    pub(super) fn floats(
        &self,
        name: &str,
        entry: &Entry,
    ) -> Result<Cow<'_, [f32]>, CheckpointError> {
        let values = match self.values(name, entry)? {
            NumbersCow::F32(floats) => return Ok(floats),
            other => other,
        };
        let mut floats = zeroed(values.len()).map_err(|source| self.unreadable(name, source))?;
        values.as_numbers().widen(&mut floats);
        Ok(floats.into())
    }

    /// A tensor's elements in the format of the file, borrowed if they are mapped and aligned.
    pub(super) fn values(
        &self,
        name: &str,
        entry: &Entry,
    ) -> Result<NumbersCow<'_>, CheckpointError> {
        let bytes = entry.bytes.clone();
        match entry.info.dtype {
            Dtype::F32 => self.storage.elements(bytes).map(NumbersCow::F32),
            Dtype::F16 => self.storage.elements(bytes).map(NumbersCow::F16),
            Dtype::BF16 => self.storage.elements(bytes).map(NumbersCow::Bf16),
            found => {
                let (file, tensor) = (self.path.clone(), name.to_owned());
                return Err(CheckpointError::WrongDtype { file, tensor, found });
            }
        }
        .map_err(|source| self.unreadable(name, source))
    }

    /// The elements of a tensor of 8-bit integers.
    pub(super) fn integers(
        &self,
        name: &str,
        entry: &Entry,
    ) -> Result<Cow<'_, [i8]>, CheckpointError> {
        if entry.info.dtype != Dtype::I8 {
            let (file, tensor) = (self.path.clone(), name.to_owned());
            return Err(CheckpointError::NoIntegers { file, tensor, found: entry.info.dtype });
        }
        let bytes = entry.bytes.clone();
        self.storage.elements(bytes).map_err(|source| self.unreadable(name, source))
    }

    /// A tensor's bytes in the file.
    pub(super) fn bytes(
        &self,
        name: &str,
        entry: &Entry,
    ) -> Result<Cow<'_, [u8]>, CheckpointError> {
        let bytes = entry.bytes.clone();
        self.storage.elements(bytes).map_err(|source| self.unreadable(name, source))
    }

    fn unreadable(&self, name: &str, source: io::Error) -> CheckpointError {
        let (file, tensor) = (self.path.clone(), name.to_owned());
        CheckpointError::ReadTensor { file, tensor, source }
    }

    /// Releases a tensor's mapped pages.
    pub(super) fn release(&self, entry: &Entry) {
        self.storage.release(entry.bytes.clone());
    }
}
