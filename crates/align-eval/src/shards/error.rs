//! Errors of shards.

#[cfg(feature = "parquet")]
use super::parquet::TableError;
use std::io;
use std::path::PathBuf;
use std::str::Utf8Error;

/// Why a shard, or a part of one of its samples, cannot be read.
///
/// Messages do not name the shard: the [`Item`](super::Item) that holds the error does.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// The crate was built without the reader of this format.
    #[error("{}: reading Parquet needs the feature `parquet`", path.display())]
    NoParquet {
        /// The shard.
        path: PathBuf,
    },
    /// The file cannot be opened or read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A part is longer than the limit.
    #[error("expected at most {limit} bytes, found {found}")]
    TooLong {
        /// The limit in bytes.
        limit: u64,
        /// The length in bytes.
        found: u64,
    },
    /// A caption is not text.
    #[error("the text is not UTF-8")]
    NotUtf8 {
        /// The first byte that is not.
        source: Utf8Error,
    },
    /// A member of fields is not JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A field of a JSON member is missing or not a text.
    #[error("field {field:?}: expected a text, found {found}")]
    Field {
        /// The name of the field.
        field: String,
        /// The kind of value found.
        found: &'static str,
    },
    /// No member of a tar file is of the requested kind.
    #[error("expected {expected}, found none")]
    NoMember {
        /// The requested kind of member.
        expected: String,
    },
    /// The header of a member of a tar file is damaged.
    #[error("{place}")]
    MemberHeader {
        /// The place of the member, relative to the one in front of it.
        place: String,
        /// The damage.
        source: io::Error,
    },
    /// A tar file ends inside a member.
    #[error("{}truncated: expected {expected} bytes, found {found}", member_prefix(member.as_deref()))]
    Truncated {
        /// The path of the member, if [`Item::name`](super::Item::name) does not hold it.
        member: Option<String>,
        /// The length of the member in bytes.
        expected: u64,
        /// The bytes found.
        found: u64,
    },
    /// A tar file ends without its end mark.
    #[error("{place}: truncated: the archive has no end")]
    NoEnd {
        /// The place of the end, relative to the last member.
        place: String,
    },
    /// A cell of a Parquet file is null.
    #[cfg(feature = "parquet")]
    #[error("found null")]
    Null,
    /// A Parquet file cannot be read.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Table(#[from] TableError),
    /// The rows of a Parquet file cannot be read from one row on.
    #[cfg(feature = "parquet")]
    #[error("from row {row}")]
    Rows {
        /// The first row that cannot be read, from 0.
        row: usize,
        /// The damage.
        source: TableError,
    },
}

fn member_prefix(member: Option<&str>) -> String {
    member.map_or(String::new(), |member| format!("member {member}: "))
}
