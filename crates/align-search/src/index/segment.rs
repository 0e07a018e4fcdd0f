//! Segments: rows of embeddings with their items. A segment is a shard or the journal.

use super::description::ItemKind;
use super::error::IndexError;
use super::item::{ImageItem, Item, TextItem};
use super::lines::Lines;
use super::manifest::{Manifest, Shard};
use crate::npy::{Dtype, NpyError, NpyFile};
use align_tensor::{MappedFile, NumbersCow};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Rows of embeddings with their items.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) rows: usize,
    path: PathBuf,
    data: MappedFile,
    range: Range<u64>,
    items: Items,
}

#[derive(Debug)]
enum Items {
    Lines(Lines),
    Parsed(Vec<Item>),
}

impl Segment {
    /// Opens a shard and checks its files against the manifest and each other.
    pub(super) fn from_shard(
        folder: &Path,
        manifest: &Manifest,
        shard: &Shard,
    ) -> Result<Self, IndexError> {
        let path = folder.join(&shard.embeddings.name);
        let npy = match NpyFile::open(&path) {
            Err(NpyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(IndexError::MissingFile { file: path });
            }
            opened => opened?,
        };
        let expected = (manifest.dtype, [shard.rows, manifest.model.dim]);
        if (npy.dtype(), npy.shape()) != (expected.0, &expected.1) {
            let expected = format!("{} {:?}", expected.0, expected.1);
            let found = format!("{} {:?}", npy.dtype(), npy.shape());
            return Err(IndexError::field(&path, "array", expected, found));
        }
        let lines = Lines::open(folder, &shard.items)?;
        if lines.count() != shard.rows {
            let expected = format!("{} lines", shard.rows);
            return Err(IndexError::field(lines.path(), "items", expected, lines.count()));
        }
        let (data, range) = npy.into_parts();
        if data.len() != shard.embeddings.bytes {
            let (expected, found) = (shard.embeddings.bytes, data.len());
            return Err(IndexError::Length { file: path, expected, found });
        }
        Ok(Self { rows: shard.rows, path, data, range, items: Items::Lines(lines) })
    }

    /// The segment of a journal. The rows are contiguous from the start of `data`, which holds at
    /// least one row for each item.
    pub(super) fn from_journal(
        path: PathBuf,
        data: MappedFile,
        stride: usize,
        items: Vec<Item>,
    ) -> Self {
        let range = 0..(items.len() * stride) as u64;
        Self { rows: items.len(), path, data, range, items: Items::Parsed(items) }
    }

    /// The item of a row.
    ///
    /// # Panics
    /// If there is no such row.
    pub(super) fn item(&self, kind: ItemKind, row: usize) -> Result<Item, IndexError> {
        match (&self.items, kind) {
            (Items::Parsed(items), _) => Ok(items[row].clone()),
            (Items::Lines(lines), ItemKind::Images) => {
                lines.parse::<ImageItem>(row).map(Item::Image)
            }
            (Items::Lines(lines), ItemKind::Texts) => lines.parse::<TextItem>(row).map(Item::Text),
        }
    }

    /// All values, row after row. Borrowed from the mapped file if they are aligned.
    pub(super) fn values(&self, dtype: Dtype) -> Result<NumbersCow<'_>, IndexError> {
        let values = match dtype {
            Dtype::F16 => self.data.elements(self.range.clone()).map(NumbersCow::F16),
            Dtype::F32 => self.data.elements(self.range.clone()).map(NumbersCow::F32),
        };
        values.map_err(IndexError::io(&self.path, "read"))
    }

    /// The bytes of one row of `stride` bytes.
    ///
    /// # Panics
    /// If there is no such row.
    pub(super) fn row_bytes(&self, row: usize, stride: usize) -> &[u8] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        // The cast is lossless, since the range is within the map.
        &self.data.bytes()[self.range.start as usize..][row * stride..][..stride]
    }

    /// Lets the system drop the cached pages of the rows.
    pub(super) fn release(&self) {
        self.data.release(self.range.clone());
    }
}
