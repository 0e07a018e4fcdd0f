//! What can be wrong with a checkpoint: one variant per broken invariant.

use std::io;
use std::path::PathBuf;
use std::str::Utf8Error;

use safetensors::{Dtype, SafeTensorError};

use super::folder::{INDEX_FILE, SINGLE_FILE};
use crate::number::{Precision, PrecisionError};

/// Why a checkpoint, or a tensor of it, cannot be read.
///
/// Each message is complete: it contains its cause, which is therefore a field
/// and not an [`Error::source`](std::error::Error::source). Names that come
/// from a file are printed quoted and escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    // The folder.
    /// The checkpoint's folder does not exist, or is no folder.
    #[error("{folder}: no such folder, expected a checkpoint folder")]
    NoFolder {
        /// The path given.
        folder: PathBuf,
    },
    /// The folder holds neither of the two files a checkpoint begins with.
    #[error(
        "{folder}: no checkpoint here, expected {SINGLE_FILE} or {INDEX_FILE} \
         (other formats are not read)"
    )]
    NoCheckpoint {
        /// The path given.
        folder: PathBuf,
    },
    /// The operating system could not open, map or read a file.
    #[error("{file}: {cause}")]
    Io {
        /// The file.
        file: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// The path is a folder, a pipe or a device.
    #[error("{file}: expected a regular file, found something else")]
    NotAFile {
        /// The path.
        file: PathBuf,
    },

    // The header of a safetensors file.
    /// The file cannot hold even the header's length.
    #[error("{file}: too short: expected at least 8 bytes of header length, found {found} bytes")]
    TooShort {
        /// The file.
        file: PathBuf,
        /// Its size in bytes.
        found: u64,
    },
    /// The header claims to be longer than any sensible header.
    #[error("{file}: header too long: expected at most {limit} bytes, found a length of {found}")]
    HeaderTooLong {
        /// The file.
        file: PathBuf,
        /// The length claimed, in bytes.
        found: u64,
        /// The longest header accepted, in bytes.
        limit: u64,
    },
    /// The header claims to reach beyond the end of the file.
    #[error(
        "{file}: truncated or not a safetensors file: \
         the header takes {header} bytes, but only {available} follow its length"
    )]
    HeaderBeyondFile {
        /// The file.
        file: PathBuf,
        /// The length claimed, in bytes.
        header: u64,
        /// The bytes there are after the length.
        available: u64,
    },
    /// The header is not text.
    #[error("{file}: the header is not UTF-8: {cause}")]
    HeaderNotUtf8 {
        /// The file.
        file: PathBuf,
        /// Where it is not.
        cause: Utf8Error,
    },
    /// The header is not JSON, or not the JSON of a safetensors header (a
    /// field missing, a dtype that does not exist, a negative size...).
    #[error("{file}: the header is not a safetensors header: {cause}")]
    InvalidHeader {
        /// The file.
        file: PathBuf,
        /// The place and the cause.
        cause: serde_json::Error,
    },
    /// A tensor's name stands twice in a header or index.
    #[error("{file}: tensor {tensor:?} is described twice")]
    DuplicateTensor {
        /// The header's or index's file.
        file: PathBuf,
        /// The name.
        tensor: String,
    },
    /// The size of a tensor in bits does not fit a machine word.
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
    /// A tensor of elements smaller than a byte ends inside a byte.
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
    /// A tensor's data is not as long as its type and shape say.
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
        /// Bytes by type and shape.
        expected: usize,
        /// Bytes by offsets.
        found: usize,
    },
    /// Two tensors share bytes.
    #[error(
        "{file}: tensor {tensor:?} starts at {found}, inside the tensor before it: \
         expected {expected}"
    )]
    Overlap {
        /// The file.
        file: PathBuf,
        /// The second of the two.
        tensor: String,
        /// Where the tensor before it ends.
        expected: usize,
        /// Where it starts.
        found: usize,
    },
    /// Bytes between two tensors belong to neither.
    #[error(
        "{file}: tensor {tensor:?} starts at {found}, leaving a hole before it: \
         expected {expected}"
    )]
    Hole {
        /// The file.
        file: PathBuf,
        /// The tensor after the hole.
        tensor: String,
        /// Where the tensor before the hole ends.
        expected: usize,
        /// Where it starts.
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
    /// Bytes after the last tensor belong to none.
    #[error("{file}: expected {expected} bytes of data, found {found}")]
    TrailingBytes {
        /// The file.
        file: PathBuf,
        /// Where the last tensor ends.
        expected: u64,
        /// The bytes of data in the file.
        found: u64,
    },

    // The index of a sharded checkpoint.
    /// The index is larger than any sensible index.
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
    #[error("{file}: not an index of shards: {cause}")]
    InvalidIndex {
        /// The index.
        file: PathBuf,
        /// The place and the cause.
        cause: serde_json::Error,
    },
    /// The index names a shard by anything but a file name.
    #[error(
        "{file}: tensor {tensor:?}: expected the name of a file beside the index, found {shard:?}"
    )]
    ShardName {
        /// The index.
        file: PathBuf,
        /// The tensor mapped to it.
        tensor: String,
        /// The name found.
        shard: String,
    },
    /// The index names a shard that is not there.
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

    // One tensor that a model asked for.
    /// The model needs a tensor that the checkpoint lacks.
    #[error("{file}: tensor {tensor:?} is missing")]
    MissingTensor {
        /// The file or index.
        file: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor has another shape than the model's.
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
    /// A tensor of a type that weights cannot have.
    #[error("{file}: tensor {tensor:?}: expected F32, F16 or BF16 elements, found {found}")]
    WrongDtype {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The file's element type.
        found: Dtype,
    },
    /// A tensor that must hold 8-bit integers holds something else.
    #[error("{file}: tensor {tensor:?}: expected I8 elements, found {found}")]
    NoIntegers {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The file's element type.
        found: Dtype,
    },
    /// The checkpoint was converted for a precision of which nothing is known here.
    #[error("{file}: converted by another version: {cause}")]
    UnknownPrecision {
        /// The file.
        file: PathBuf,
        /// The precision.
        cause: PrecisionError,
    },
    /// The checkpoint was converted for int8 and holds no weights for another precision.
    #[error(
        "{file}: holds weights of 8 bits: expected precision int8, found {wanted} \
         (convert the original checkpoint again, or use it as it is)"
    )]
    OnlyIntegers {
        /// The file.
        file: PathBuf,
        /// The precision asked for.
        wanted: Precision,
    },
    /// A converted checkpoint cannot be written.
    #[error("{file}: cannot write: {cause}")]
    Write {
        /// The file.
        file: PathBuf,
        /// The cause.
        cause: SafeTensorError,
    },
    /// A tensor's data cannot be read: the disk failed, the file was cut
    /// since it was opened, or memory does not suffice.
    #[error("{file}: tensor {tensor:?}: {cause}")]
    ReadTensor {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The cause.
        cause: io::Error,
    },
}
