//! Errors of checkpoints: one variant for each broken invariant.

use std::io;
use std::path::PathBuf;
use std::str::Utf8Error;

use safetensors::{Dtype, SafeTensorError};

use super::folder::{INDEX_FILE, SINGLE_FILE};
use crate::number::{Precision, PrecisionError};

/// Why a checkpoint, or a tensor of it, cannot be read.
///
/// A message does not repeat the message of its [source](std::error::Error::source), so print the
/// whole chain. Names that come from a file are quoted and escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    // The folder.
    /// The checkpoint's folder does not exist or is not a folder.
    #[error("{folder}: no such folder, expected a checkpoint folder")]
    NoFolder {
        /// The path given.
        folder: PathBuf,
    },
    /// The folder has neither of the two files that a checkpoint can begin with.
    #[error(
        "{folder}: no checkpoint here, expected {SINGLE_FILE} or {INDEX_FILE} \
         (other formats are not supported)"
    )]
    NoCheckpoint {
        /// The path given.
        folder: PathBuf,
    },
    /// The operating system could not open, map or read a file.
    #[error("{file}: cannot read")]
    Io {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The path is a folder, a pipe or a device.
    #[error("{file}: expected a regular file, found something else")]
    NotAFile {
        /// The path.
        file: PathBuf,
    },

    // The header of a safetensors file.
    /// The file is too short for the length of its header.
    #[error("{file}: too short: expected at least 8 bytes of header length, found {found} bytes")]
    TooShort {
        /// The file.
        file: PathBuf,
        /// Its size in bytes.
        found: u64,
    },
    /// The header's length is beyond the limit.
    #[error("{file}: header too long: expected at most {limit} bytes, found a length of {found}")]
    HeaderTooLong {
        /// The file.
        file: PathBuf,
        /// The length claimed, in bytes.
        found: u64,
        /// The longest header accepted, in bytes.
        limit: u64,
    },
    /// The header's length reaches beyond the end of the file.
    #[error(
        "{file}: truncated or not a safetensors file: \
         the header has {header} bytes, but only {available} follow its length"
    )]
    HeaderBeyondFile {
        /// The file.
        file: PathBuf,
        /// The length claimed, in bytes.
        header: u64,
        /// The number of bytes after the length.
        available: u64,
    },
    /// The header is not text.
    #[error("{file}: the header is not UTF-8")]
    HeaderNotUtf8 {
        /// The file.
        file: PathBuf,
        /// The place of the first other byte.
        source: Utf8Error,
    },
    /// The header is not JSON, or not that of a safetensors header: a field is
    /// missing, a dtype does not exist, or a size is negative, for example.
    #[error("{file}: the header is not a safetensors header")]
    InvalidHeader {
        /// The file.
        file: PathBuf,
        /// The place and the cause.
        source: serde_json::Error,
    },
    /// A header or index has two entries of the same name.
    #[error("{file}: tensor {tensor:?} is described twice")]
    DuplicateTensor {
        /// The header's or index's file.
        file: PathBuf,
        /// The name.
        tensor: String,
    },
    /// The size of a tensor in bits overflows.
    #[error("{file}: tensor {tensor:?}: the size of {dtype} elements in shape {shape:?} overflows")]
    SizeOverflow {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its element type.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A tensor whose elements are smaller than a byte ends inside a byte.
    #[error("{file}: tensor {tensor:?}: {dtype} elements in shape {shape:?} end inside a byte")]
    PartialByte {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its element type.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A tensor's offsets are out of order.
    #[error("{file}: tensor {tensor:?}: its data ends at {end}, before its start at {start}")]
    OffsetsReversed {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// First byte, counted from the start of the data.
        start: usize,
        /// One past the last byte.
        end: usize,
    },
    /// The length of a tensor's data does not follow from its type and shape.
    #[error(
        "{file}: tensor {tensor:?}: expected {expected} bytes for {dtype} elements \
         in shape {shape:?}, found offsets {found} bytes apart"
    )]
    WrongLength {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its element type.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
        /// The bytes of that type and shape.
        expected: usize,
        /// The bytes between the offsets.
        found: usize,
    },
    /// Two tensors share bytes.
    #[error(
        "{file}: tensor {tensor:?} starts at {found}, inside the previous tensor: \
         expected {expected}"
    )]
    Overlap {
        /// The file.
        file: PathBuf,
        /// The second of the two.
        tensor: String,
        /// The end of the previous tensor.
        expected: usize,
        /// Its start.
        found: usize,
    },
    /// Bytes between two tensors belong to neither.
    #[error(
        "{file}: tensor {tensor:?} starts at {found}, after a hole: \
         expected {expected}"
    )]
    Hole {
        /// The file.
        file: PathBuf,
        /// The tensor after the hole.
        tensor: String,
        /// The end of the tensor in front of the hole.
        expected: usize,
        /// Its start.
        found: usize,
    },
    /// A tensor reaches beyond the end of the file.
    #[error(
        "{file}: truncated: tensor {tensor:?} ends at {end} of the data, \
         but the file holds {available} bytes of data"
    )]
    Truncated {
        /// The file.
        file: PathBuf,
        /// The first such tensor.
        tensor: String,
        /// One past its last byte, counted from the start of the data.
        end: usize,
        /// The bytes of data in the file.
        available: u64,
    },
    /// There are bytes after the last tensor.
    #[error("{file}: expected {expected} bytes of data, found {found}")]
    TrailingBytes {
        /// The file.
        file: PathBuf,
        /// The end of the last tensor.
        expected: u64,
        /// The bytes of data in the file.
        found: u64,
    },

    // The index of a sharded checkpoint.
    /// The index's size is beyond the limit.
    #[error("{file}: index too long: expected at most {limit} bytes, found {found}")]
    IndexTooLong {
        /// The index.
        file: PathBuf,
        /// Its size in bytes.
        found: u64,
        /// The longest index accepted, in bytes.
        limit: u64,
    },
    /// The index is not JSON with a `weight_map` of names to files.
    #[error("{file}: not an index of shards")]
    InvalidIndex {
        /// The index.
        file: PathBuf,
        /// The place and the cause.
        source: serde_json::Error,
    },
    /// The index names a shard by something other than a file name.
    #[error(
        "{file}: tensor {tensor:?}: expected the name of a file next to the index, found {shard:?}"
    )]
    ShardName {
        /// The index.
        file: PathBuf,
        /// The tensor mapped to it.
        tensor: String,
        /// The name found.
        shard: String,
    },
    /// The index names a shard that does not exist.
    #[error("{file}: shard {shard:?} is missing from the folder")]
    MissingShard {
        /// The index.
        file: PathBuf,
        /// The shard's name.
        shard: String,
    },
    /// A tensor is not in the shard that the index names for it.
    #[error("{file}: tensor {tensor:?} is not in shard {shard:?}")]
    NotInShard {
        /// The index.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The shard's name.
        shard: String,
    },

    // A tensor that a model needs.
    /// The model needs a tensor that the checkpoint does not have.
    #[error("{file}: tensor {tensor:?} is missing")]
    MissingTensor {
        /// The file or index.
        file: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor does not have the shape that the model needs.
    #[error("{file}: tensor {tensor:?}: expected shape {expected:?}, found {found:?}")]
    WrongShape {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The model's shape.
        expected: Vec<usize>,
        /// The file's shape.
        found: Vec<usize>,
    },
    /// A tensor has a type that weights cannot have.
    #[error("{file}: tensor {tensor:?}: expected F32, F16 or BF16 elements, found {found}")]
    WrongDtype {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The file's element type.
        found: Dtype,
    },
    /// A tensor that must hold 8-bit integers holds another type.
    #[error("{file}: tensor {tensor:?}: expected I8 elements, found {found}")]
    NoIntegers {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The file's element type.
        found: Dtype,
    },
    /// The checkpoint was converted for a precision that this version does not know.
    #[error("{file}: converted by another version")]
    UnknownPrecision {
        /// The file.
        file: PathBuf,
        /// The unknown precision.
        source: PrecisionError,
    },
    /// The checkpoint was converted for int8 and has no weights for another precision.
    #[error(
        "{file}: holds weights of 8 bits: expected precision int8, found {wanted} \
         (convert the original checkpoint again, or use it as it is)"
    )]
    OnlyIntegers {
        /// The file.
        file: PathBuf,
        /// The requested precision.
        wanted: Precision,
    },
    /// A converted checkpoint cannot be written.
    #[error("{file}: cannot write")]
    Write {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: SafeTensorError,
    },
    /// A tensor's data cannot be read: the disk failed, the file was cut short
    /// after it was opened, or there is not enough memory.
    #[error("{file}: tensor {tensor:?}: cannot read")]
    ReadTensor {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The cause.
        source: io::Error,
    },
}
