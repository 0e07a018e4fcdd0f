//! Errors of Parquet files.

use super::codec::MAX_PAGE;
use parquet::errors::ParquetError;

/// Why a Parquet file, or the rest of it, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The Parquet library refuses the file.
    #[error("{message}")]
    Library {
        /// The message of the library.
        message: String,
    },
    /// The Parquet library panicked, which it does on some damage.
    #[error("damaged: {message}")]
    Panic {
        /// The message of the panic.
        message: String,
    },
    /// No column has one of the usual names and holds what is wanted.
    #[error("expected a column of {expected} named {names}, found {found}")]
    NoUsualColumn {
        /// The kind of values wanted.
        expected: &'static str,
        /// The usual names.
        names: String,
        /// The columns of the file.
        found: String,
    },
    /// No column has the requested name.
    #[error("column {column:?}: expected {expected}, found only columns {found}")]
    NoColumn {
        /// The requested name.
        column: String,
        /// The kind of values wanted.
        expected: &'static str,
        /// The columns of the file.
        found: String,
    },
    /// The requested column holds other values.
    #[error("column {column:?}: expected {expected}, found {found}")]
    ColumnKind {
        /// The name of the column.
        column: String,
        /// The kind of values wanted.
        expected: &'static str,
        /// The kind of values of the column.
        found: String,
    },
    /// A row group cannot be read.
    #[error("row group {group}")]
    RowGroup {
        /// The number of the row group, from 0.
        group: usize,
        /// The damage.
        source: Box<TableError>,
    },
    /// The number of rows of a row group is negative.
    #[error("expected a number of rows, found {found}")]
    RowCount {
        /// The number in the file.
        found: i64,
    },
    /// A row group lacks the column.
    #[error("the column is not there")]
    NoChunk,
    /// A row group has fewer rows than its metadata say.
    #[error("expected {expected} more rows in this row group, found none")]
    MissingRows {
        /// The rows that are missing.
        expected: usize,
    },
    /// The pages of a column lie outside the file.
    #[error("expected {size} bytes from byte {start}, found {len} bytes in the file")]
    ChunkRange {
        /// The start of the pages.
        start: i64,
        /// Their length.
        size: i64,
        /// The length of the file.
        len: u64,
    },
    /// Pages are compressed in a format that is not read.
    #[error("expected no compression, snappy, gzip or zstd, found {found}")]
    Compression {
        /// The name of the format.
        found: String,
    },
    /// A page cannot be decompressed.
    #[error("{message}")]
    Decompress {
        /// The message of the decompressor.
        message: String,
    },
    /// A page claims to be longer than its compressed bytes allow.
    #[error("{compressed} bytes of snappy for {claimed} bytes")]
    SnappyLength {
        /// The length of the compressed page.
        compressed: usize,
        /// The length claimed.
        claimed: usize,
    },
    /// A compressed page has bytes after its end.
    #[error("{count} bytes after a zstd frame")]
    AfterFrame {
        /// The number of bytes.
        count: usize,
    },
    /// A page is longer than the limit.
    #[error("a page of more than {MAX_PAGE} bytes")]
    PageTooLong,
    /// A dictionary page claims more values than fit into it.
    #[error("a dictionary of {count} values")]
    Dictionary {
        /// The number of values claimed.
        count: u32,
    },
    /// The levels of a page are longer than the page.
    #[error("levels longer than their page")]
    Levels,
    /// The header of delta-encoded lengths is damaged.
    #[error("a damaged header of lengths")]
    LengthsHeader,
    /// A page claims more lengths than it has values.
    #[error("{lengths} lengths for {values} values")]
    Lengths {
        /// The number of lengths claimed.
        lengths: u64,
        /// The number of values.
        values: u32,
    },
    /// Values are encoded in a way that is not read.
    #[error("expected plain values, a dictionary or their lengths, found {found}")]
    Encoding {
        /// The name of the encoding.
        found: String,
    },
}

impl TableError {
    /// The error of a decompressor.
    pub(super) fn decompress(error: impl std::fmt::Display) -> Self {
        Self::Decompress { message: error.to_string() }
    }
}

impl From<ParquetError> for TableError {
    /// Only the message is kept: some errors of the library repeat their source in it.
    fn from(error: ParquetError) -> Self {
        Self::Library { message: error.to_string() }
    }
}
