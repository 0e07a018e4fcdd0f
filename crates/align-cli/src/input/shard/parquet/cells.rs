//! Cells of a column, a few at a time.

use super::column::Wanted;
use super::pages::Pages;
use anyhow::{Context, Result, anyhow, ensure};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Cells decoded at once.
const BATCH: usize = 16;

/// Reads a column front to back. In memory are one page and a few cells.
pub(super) struct Cells {
    file: Arc<File>,
    /// The length of the file.
    len: u64,
    metadata: ParquetMetaData,
    /// The index of the column.
    leaf: usize,
    /// The next row group.
    group: usize,
    /// What is being read.
    current: Option<Group>,
}

/// A row group's part of the column.
struct Group {
    reader: ColumnReaderImpl<ByteArrayType>,
    /// The definition level of a cell that is not null.
    present: i16,
    /// Rows that are yet to come.
    left: usize,
}

impl Cells {
    pub(super) fn open(path: &Path, wanted: &Wanted<'_>) -> Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        let leaf = wanted.find(metadata.file_metadata().schema_descr())?;
        Ok(Self { file: Arc::new(file), len, metadata, leaf, group: 0, current: None })
    }

    /// The next cells, nulls as `None`; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Option<ByteArray>>>> {
        loop {
            match &mut self.current {
                Some(group) if group.left > 0 => return group.next().map(Some),
                _ if self.group == self.metadata.num_row_groups() => return Ok(None),
                _ => {
                    let group = self.open_group(self.group);
                    let group = group.map_err(|e| anyhow!("row group {}: {e}", self.group))?;
                    self.current = Some(group);
                    self.group += 1;
                }
            }
        }
    }

    fn open_group(&self, index: usize) -> Result<Group> {
        let group = self.metadata.row_group(index);
        let rows = usize::try_from(group.num_rows())?;
        let chunk = group.columns().get(self.leaf).context("the column is not there")?;
        let pages = Pages::new(&self.file, self.len, chunk, rows)?;
        let column = chunk.column_descr_ptr();
        let present = column.max_def_level();
        let reader = ColumnReaderImpl::new(column, Box::new(pages));
        Ok(Group { reader, present, left: rows })
    }
}

impl Group {
    fn next(&mut self) -> Result<Vec<Option<ByteArray>>> {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let rows = self.left.min(BATCH);
        let (read, ..) = self.reader.read_records(rows, Some(&mut levels), None, &mut values)?;
        ensure!(read > 0, "expected {} more rows in this row group, found none", self.left);
        self.left -= read;
        if self.present == 0 {
            return Ok(values.into_iter().map(Some).collect());
        }
        let mut values = values.into_iter();
        let cell = |level| if level == self.present { values.next() } else { None };
        Ok(levels.into_iter().map(cell).collect())
    }
}
