//! Cells of a column, a few at a time.

use super::column::Wanted;
use super::error::TableError;
use super::pages::Pages;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::ChunkReader;
use std::sync::Arc;

/// Cells that are decoded at a time.
const BATCH: usize = 16;

/// Reads a column from front to back. Memory holds one page and a few cells.
pub(super) struct Cells<R> {
    reader: Arc<R>,
    metadata: ParquetMetaData,
    /// The index of the column.
    leaf: usize,
    /// The index of the next row group.
    group: usize,
    /// The row group that is being read.
    current: Option<Group>,
}

/// A row group's part of the column.
struct Group {
    reader: ColumnReaderImpl<ByteArrayType>,
    /// The definition level of a cell that is not null.
    present: i16,
    /// The rows that have not been read yet.
    left: usize,
}

impl<R: ChunkReader + 'static> Cells<R> {
    pub(super) fn open(reader: R, wanted: &Wanted<'_>) -> Result<Self, TableError> {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&reader)?;
        let leaf = wanted.find(metadata.file_metadata().schema_descr())?;
        Ok(Self { reader: Arc::new(reader), metadata, leaf, group: 0, current: None })
    }

    /// The next cells, or `None` at the end. A cell that is null is `None`.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Option<ByteArray>>>, TableError> {
        loop {
            match &mut self.current {
                Some(group) if group.left > 0 => return group.next().map(Some),
                _ if self.group == self.metadata.num_row_groups() => return Ok(None),
                _ => {
                    let group = self.open_group(self.group).map_err(|source| {
                        TableError::RowGroup { group: self.group, source: Box::new(source) }
                    });
                    self.current = Some(group?);
                    self.group += 1;
                }
            }
        }
    }

    fn open_group(&self, index: usize) -> Result<Group, TableError> {
        let group = self.metadata.row_group(index);
        let found = group.num_rows();
        let rows = usize::try_from(found).map_err(|_| TableError::RowCount { found })?;
        let chunk = group.columns().get(self.leaf).ok_or(TableError::NoChunk)?;
        let pages = Pages::new(&self.reader, chunk, rows)?;
        let column = chunk.column_descr_ptr();
        let present = column.max_def_level();
        let reader = ColumnReaderImpl::new(column, Box::new(pages));
        Ok(Group { reader, present, left: rows })
    }
}

impl Group {
    fn next(&mut self) -> Result<Vec<Option<ByteArray>>, TableError> {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let rows = self.left.min(BATCH);
        let (read, ..) = self.reader.read_records(rows, Some(&mut levels), None, &mut values)?;
        if read == 0 {
            return Err(TableError::MissingRows { expected: self.left });
        }
        self.left -= read;
        if self.present == 0 {
            return Ok(values.into_iter().map(Some).collect());
        }
        let mut values = values.into_iter();
        let cell = |level| if level == self.present { values.next() } else { None };
        Ok(levels.into_iter().map(cell).collect())
    }
}
