//! The header of a safetensors file: names, types, shapes and places of the tensors.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorInfo as RawInfo;

use super::CheckpointError;
use super::entries::Entries;
use super::storage::Storage;

/// The longest header accepted, in bytes: the format's own bound.
const MAX_HEADER: u64 = 100_000_000;

/// Bytes at the start of the file that hold the header's length.
const LENGTH_BYTES: u64 = 8;

/// Element type and shape of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// The type of its elements in the file.
    pub dtype: Dtype,
    /// Its shape, outermost dimension first; empty for a scalar.
    pub shape: Vec<usize>,
}

impl TensorInfo {
    /// The number of elements.
    pub fn elements(&self) -> usize {
        // Opening the file has checked that this does not overflow.
        self.shape.iter().product()
    }

    /// Whether the elements are real floating-point numbers of 16 bits or more.
    pub fn is_float(&self) -> bool {
        matches!(self.dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64)
    }
}

/// A tensor of one file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) info: TensorInfo,
    /// Its bytes, counted from the start of the file. They are inside the file.
    pub(super) bytes: Range<u64>,
}

/// A header that has been checked.
#[derive(Debug)]
pub(super) struct Header {
    /// The tensors by name.
    pub(super) tensors: BTreeMap<String, Entry>,
    /// The metadata of the file.
    pub(super) metadata: HashMap<String, String>,
}

/// Reads the header and checks every invariant of the format.
pub(super) fn read(file: &Path, storage: &Storage) -> Result<Header, CheckpointError> {
    let io_error = |source| CheckpointError::Io { file: file.to_path_buf(), source };

    let Some(available) = storage.len().checked_sub(LENGTH_BYTES) else {
        return Err(CheckpointError::TooShort { file: file.to_path_buf(), found: storage.len() });
    };
    let length = storage.elements::<u64>(0..LENGTH_BYTES).map_err(io_error)?[0];
    if length > MAX_HEADER {
        return Err(CheckpointError::HeaderTooLong {
            file: file.to_path_buf(),
            found: length,
            limit: MAX_HEADER,
        });
    }
    let Some(data_length) = available.checked_sub(length) else {
        return Err(CheckpointError::HeaderBeyondFile {
            file: file.to_path_buf(),
            header: length,
            available,
        });
    };
    let data_start = LENGTH_BYTES + length;
    // Copied even if mapped, so that the bytes cannot change between the check and their use.
    let header = storage.elements::<u8>(LENGTH_BYTES..data_start).map_err(io_error)?.into_owned();
    let mut entries = parse(file, &header)?;
    let metadata = std::mem::take(&mut entries.metadata);
    let tensors = entries.unique(file)?;
    check_tiling(file, &tensors, data_length)?;

    let entry = |raw: RawInfo| {
        let (start, end) = raw.data_offsets;
        Entry {
            info: TensorInfo { dtype: raw.dtype, shape: raw.shape },
            bytes: data_start + start as u64..data_start + end as u64,
        }
    };
    let tensors = tensors.into_iter().map(|(name, raw)| (name, entry(raw))).collect();
    Ok(Header { tensors, metadata })
}

/// The header's entries, not yet checked against each other or the file.
fn parse(file: &Path, header: &[u8]) -> Result<Entries<RawInfo>, CheckpointError> {
    let text = std::str::from_utf8(header)
        .map_err(|source| CheckpointError::HeaderNotUtf8 { file: file.to_path_buf(), source })?;
    serde_json::from_str(text)
        .map_err(|source| CheckpointError::InvalidHeader { file: file.to_path_buf(), source })
}

/// Checks that the length of each tensor follows from its shape, and that the
/// tensors cover the data exactly once.
fn check_tiling(
    file: &Path,
    tensors: &BTreeMap<String, RawInfo>,
    data_length: u64,
) -> Result<(), CheckpointError> {
    let mut by_place: Vec<_> = tensors.iter().collect();
    by_place.sort_by_key(|(_, info)| info.data_offsets);

    let mut covered = 0;
    for (name, info) in by_place {
        let (file, tensor) = (file.to_path_buf(), name.clone());
        let (start, end) = info.data_offsets;
        let Some(found) = end.checked_sub(start) else {
            return Err(CheckpointError::OffsetsReversed { file, tensor, start, end });
        };
        let (dtype, shape) = (info.dtype, info.shape.clone());
        let Some(bits) = bit_length(info) else {
            return Err(CheckpointError::SizeOverflow { file, tensor, dtype, shape });
        };
        if bits % 8 != 0 {
            return Err(CheckpointError::PartialByte { file, tensor, dtype, shape });
        }
        let expected = bits / 8;
        if found != expected {
            return Err(CheckpointError::WrongLength {
                file,
                tensor,
                dtype,
                shape,
                expected,
                found,
            });
        }
        let (expected, found) = (covered, start);
        if found < expected {
            return Err(CheckpointError::Overlap { file, tensor, expected, found });
        }
        if found > expected {
            return Err(CheckpointError::Hole { file, tensor, expected, found });
        }
        if end as u64 > data_length {
            let available = data_length;
            return Err(CheckpointError::Truncated { file, tensor, end, available });
        }
        covered = end;
    }
    if covered as u64 != data_length {
        return Err(CheckpointError::TrailingBytes {
            file: file.to_path_buf(),
            expected: covered as u64,
            found: data_length,
        });
    }
    Ok(())
}

/// Elements times bits per element, or `None` if that overflows.
fn bit_length(info: &RawInfo) -> Option<usize> {
    let elements =
        info.shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size))?;
    elements.checked_mul(info.dtype.bitsize())
}
