//! One safetensors file, opened and checked.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use half::slice::HalfFloatSliceExt;

use super::header;
use super::header::{Entry, Header};
use super::storage::Storage;
use super::{CheckpointError, Dtype, ReadMode, TensorValues};
use crate::number::elements::zeroed;

/// The data of one file and its place; which tensors it holds is the caller's
/// to keep, since an index may speak for several files.
#[derive(Debug)]
pub(super) struct TensorFile {
    path: PathBuf,
    storage: Storage,
}

impl TensorFile {
    /// Opens a file and reads its header.
    pub(super) fn open(path: PathBuf, mode: ReadMode) -> Result<(Self, Header), CheckpointError> {
        let storage = Storage::open(&path, mode)?;
        Self::of(path, storage)
    }

    /// The same of a file whose bytes are at hand.
    pub(super) fn of(path: PathBuf, storage: Storage) -> Result<(Self, Header), CheckpointError> {
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

    /// A tensor's elements as f32: borrowed where the map holds them so.
    pub(super) fn floats(
        &self,
        name: &str,
        entry: &Entry,
    ) -> Result<Cow<'_, [f32]>, CheckpointError> {
        let floats = match self.values(name, entry)? {
            TensorValues::F32(floats) => Ok(floats),
            TensorValues::F16(half) => widen(&half),
            TensorValues::Bf16(half) => widen(&half),
        };
        floats.map_err(|cause| self.unreadable(name, cause))
    }

    /// A tensor's elements in their own type: borrowed where the map holds them so.
    pub(super) fn values(
        &self,
        name: &str,
        entry: &Entry,
    ) -> Result<TensorValues<'_>, CheckpointError> {
        let bytes = entry.bytes.clone();
        match entry.info.dtype {
            Dtype::F32 => self.storage.elements(bytes).map(TensorValues::F32),
            Dtype::F16 => self.storage.elements(bytes).map(TensorValues::F16),
            Dtype::BF16 => self.storage.elements(bytes).map(TensorValues::Bf16),
            found => {
                let (file, tensor) = (self.path.clone(), name.to_owned());
                return Err(CheckpointError::WrongDtype { file, tensor, found });
            }
        }
        .map_err(|cause| self.unreadable(name, cause))
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
        self.storage.elements(bytes).map_err(|cause| self.unreadable(name, cause))
    }

    /// A tensor's bytes as they stand.
    pub(super) fn bytes(
        &self,
        name: &str,
        entry: &Entry,
    ) -> Result<Cow<'_, [u8]>, CheckpointError> {
        let bytes = entry.bytes.clone();
        self.storage.elements(bytes).map_err(|cause| self.unreadable(name, cause))
    }

    fn unreadable(&self, name: &str, cause: io::Error) -> CheckpointError {
        let (file, tensor) = (self.path.clone(), name.to_owned());
        CheckpointError::ReadTensor { file, tensor, cause }
    }

    /// Gives a tensor's mapped pages back.
    pub(super) fn release(&self, entry: &Entry) {
        self.storage.release(entry.bytes.clone());
    }
}

/// 16-bit floats as f32, which represents each of them exactly.
fn widen<'a, H>(half: &[H]) -> io::Result<Cow<'a, [f32]>>
where
    [H]: HalfFloatSliceExt,
{
    let mut floats = zeroed(half.len())?;
    half.convert_to_f32_slice(&mut floats);
    Ok(floats.into())
}
