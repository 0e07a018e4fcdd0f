//! One safetensors file, opened and checked.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use half::{bf16, f16, slice::HalfFloatSliceExt};

use super::header::{self, Entry};
use super::storage::Storage;
use super::{CheckpointError, Dtype, ReadMode};
use crate::elements::zeroed;

/// The data of one file and its place; which tensors it holds is the caller's
/// to keep, since an index may speak for several files.
#[derive(Debug)]
pub(super) struct TensorFile {
    path: PathBuf,
    storage: Storage,
}

impl TensorFile {
    /// Opens a file and reads its header: the file, and its tensors by name.
    pub(super) fn open(
        path: PathBuf,
        mode: ReadMode,
    ) -> Result<(Self, BTreeMap<String, Entry>), CheckpointError> {
        let storage = Storage::open(&path, mode)?;
        Self::of(path, storage)
    }

    /// The same of a file whose bytes are at hand.
    pub(super) fn of(
        path: PathBuf,
        storage: Storage,
    ) -> Result<(Self, BTreeMap<String, Entry>), CheckpointError> {
        let entries = header::read(&path, &storage)?;
        Ok((Self { path, storage }, entries))
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
        let bytes = entry.bytes.clone();
        let floats = match entry.info.dtype {
            Dtype::F32 => self.storage.elements(bytes),
            Dtype::F16 => self.storage.elements::<f16>(bytes).and_then(|half| widen(&half)),
            Dtype::BF16 => self.storage.elements::<bf16>(bytes).and_then(|half| widen(&half)),
            found => {
                return Err(CheckpointError::WrongDtype {
                    file: self.path.clone(),
                    tensor: name.to_owned(),
                    found,
                });
            }
        };
        floats.map_err(|cause| CheckpointError::ReadTensor {
            file: self.path.clone(),
            tensor: name.to_owned(),
            cause,
        })
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
