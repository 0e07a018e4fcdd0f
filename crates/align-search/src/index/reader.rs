//! Reading of an index.

use super::description::Description;
use super::error::IndexError;
use super::files::JOURNAL_ROWS;
use super::item::{Failure, Item};
use super::journal::Journal;
use super::lines::{Lines, open_listed};
use super::manifest::Manifest;
use super::segment::Segment;
use crate::digest::Digest;
use align_tensor::NumbersCow;
use ndarray::Array1;
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The number of attempts to open an index that a writer replaces at the same time.
const ATTEMPTS: usize = 8;

/// An index, open for reading. It is a snapshot: a writer that changes the index does not change it.
///
/// Items are identified by row numbers. If a run was interrupted, the index also holds what that run
/// had embedded. A row is superseded if that run embedded its item again. The numbers of superseded
/// rows are skipped.
///
/// ```
/// use align_search::{Description, Digest, Dtype, Index, IndexWriter, Item, ItemKind, ModelIdentity, TextItem};
/// use ndarray::array;
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("index");
/// let description = Description {
///     kind: ItemKind::Texts,
///     dtype: Dtype::F32,
///     model: ModelIdentity {
///         fingerprint: Digest::from_content(b"the model's files"),
///         precision: "f32".to_owned(),
///         preprocessing: Default::default(),
///         dim: 2,
///     },
/// };
/// let mut writer = IndexWriter::open(&folder, &description)?;
/// let items = ["a cat", "a dog"].map(|text| Item::Text(TextItem { text: text.to_owned() }));
/// let rows = writer.append(&items, array![[0.6, 0.8], [1.0, 0.0]].view())?;
/// writer.finish(items.into_iter().zip(rows).collect(), Vec::new())?;
///
/// let index = Index::open(&folder)?;
/// assert_eq!((index.len(), index.description()), (2, &description));
/// assert_eq!(index.item(1)?.name(), "a dog");
/// assert_eq!(index.embedding(0)?, array![0.6, 0.8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Index {
    folder: PathBuf,
    manifest: Manifest,
    description: Description,
    digest: Digest,
    /// The shards, then the journal if there is one. None of them is empty.
    segments: Vec<Segment>,
    /// The number of the first row of each segment.
    first: Vec<usize>,
    rows: usize,
    superseded: HashSet<usize>,
    journal_failures: Vec<Failure>,
    is_finished: bool,
}

impl Index {
    /// Opens the index in a folder. The manifest, headers, lengths and the number of lines are
    /// checked. [`verify`](Self::verify) checks the contents.
    ///
    /// # Errors
    /// If there is no index, or a file of it is missing, damaged, or contradicts the manifest.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, IndexError> {
        let folder = folder.as_ref();
        for _ in 0..ATTEMPTS {
            let bytes = Manifest::read(folder)?;
            let opened = Self::from_manifest(folder, &bytes).map(|(index, _)| index);
            // A writer may remove files meanwhile. An error counts only if the manifest is the same.
            if Manifest::read(folder)? == bytes {
                return opened;
            }
        }
        Err(IndexError::ChangedWhileOpening { folder: folder.to_owned() })
    }

    /// The index of a manifest with these bytes, and its journal without the rows.
    pub(super) fn from_manifest(
        folder: &Path,
        bytes: &[u8],
    ) -> Result<(Self, Journal), IndexError> {
        let manifest = Manifest::parse(folder, bytes)?;
        let digest = Digest::from_content(bytes);
        let mut segments = Vec::with_capacity(manifest.shards.len() + 1);
        for shard in &manifest.shards {
            segments.push(Segment::from_shard(folder, &manifest, shard)?);
        }
        let stride = manifest.model.dim * manifest.dtype.size();
        let mut journal = Journal::read(folder, digest, stride)?;
        let is_finished = journal.items.is_empty() && journal.failures.is_empty();
        if let Some(data) = journal.rows.take() {
            let path = folder.join(JOURNAL_ROWS);
            segments.push(Segment::from_journal(path, data, stride, journal.items.clone()));
        }
        segments.retain(|segment| segment.rows > 0);
        let mut rows = 0;
        let first = segments.iter().map(|segment| {
            rows += segment.rows;
            rows - segment.rows
        });
        let first = first.collect();
        let description = manifest.description();
        let mut index = Self {
            folder: folder.to_owned(),
            manifest,
            description,
            digest,
            segments,
            first,
            rows,
            superseded: HashSet::new(),
            journal_failures: journal.failures.clone(),
            is_finished,
        };
        if !journal.items.is_empty() {
            index.supersede()?;
        }
        Ok((index, journal))
    }

    /// Finds the rows whose item occurs again in a later row.
    fn supersede(&mut self) -> Result<(), IndexError> {
        let mut seen = HashSet::new();
        for row in (0..self.rows).rev() {
            if !seen.insert(self.item(row)?.name().to_owned()) {
                self.superseded.insert(row);
            }
        }
        Ok(())
    }

    /// The folder of the index.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.rows - self.superseded.len()
    }

    /// Whether the index has no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The properties of the index.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The number of values of an embedding.
    pub fn dim(&self) -> usize {
        self.manifest.model.dim
    }

    /// The folder that relative paths of items count from.
    pub fn base(&self) -> &Path {
        Path::new(&self.manifest.base)
    }

    /// Whether the last run that wrote the index was not interrupted.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// The numbers of the rows in ascending order. Images are sorted by path, and texts keep the
    /// order in which they were given. The rows of an interrupted run come last.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.rows).filter(|row| !self.superseded.contains(row))
    }

    /// The item of a row.
    ///
    /// # Errors
    /// If the line of the item is damaged.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn item(&self, row: usize) -> Result<Item, IndexError> {
        let (segment, row) = self.locate(row);
        segment.item(self.manifest.kind, row)
    }

    /// The embedding of a row. It has unit length, up to the rounding of its element type.
    ///
    /// # Errors
    /// If there is not enough memory.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn embedding(&self, row: usize) -> Result<Array1<f32>, IndexError> {
        let (segment, row) = self.locate(row);
        let range = row * self.dim()..(row + 1) * self.dim();
        let mut embedding = vec![0.0; self.dim()];
        segment.values(self.manifest.dtype)?.as_numbers().slice(range).widen(&mut embedding);
        Ok(embedding.into())
    }

    /// The files that could not be embedded, sorted by path.
    ///
    /// # Errors
    /// If the file of failures is missing or damaged.
    pub fn failures(&self) -> Result<Vec<Failure>, IndexError> {
        let mut failures = std::collections::BTreeMap::new();
        if let Some(entry) = &self.manifest.failures {
            let lines = Lines::open(&self.folder, entry)?;
            for line in 0..lines.count() {
                let failure: Failure = lines.parse(line)?;
                failures.insert(failure.path.clone(), failure);
            }
        }
        let later = self.journal_failures.iter().map(|f| (f.path.clone(), f.clone()));
        failures.extend(later);
        Ok(failures.into_values().collect())
    }

    /// Reads every file of the index and compares its digest with the manifest.
    ///
    /// # Errors
    /// If a file is missing, or its bytes have changed.
    pub fn verify(&self) -> Result<(), IndexError> {
        for entry in self.manifest.files() {
            let path = self.folder.join(&entry.name);
            let file = open_listed(&path, entry)?;
            let (expected, found) = (entry.sha256, Digest::from_content(file.bytes()));
            if expected != found {
                return Err(IndexError::Checksum { file: path, expected, found });
            }
            file.release(0..file.len());
        }
        Ok(())
    }

    /// The segment of a row, and the number of the row in it.
    fn locate(&self, row: usize) -> (&Segment, usize) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let segment = self.first.partition_point(|&first| first <= row) - 1;
        (&self.segments[segment], row - self.first[segment])
    }

    /// The rows of each segment and their values, including superseded rows.
    pub(crate) fn blocks(&self) -> Result<Vec<(Range<usize>, NumbersCow<'_>)>, IndexError> {
        let blocks = self.segments.iter().zip(&self.first).map(|(segment, &first)| {
            Ok((first..first + segment.rows, segment.values(self.manifest.dtype)?))
        });
        blocks.collect()
    }

    /// Whether the item of a row occurs again in a later row.
    pub(crate) fn is_superseded(&self, row: usize) -> bool {
        self.superseded.contains(&row)
    }

    /// One past the last row.
    pub(crate) fn end(&self) -> usize {
        self.rows
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes of a row.
    pub(super) fn row_bytes(&self, row: usize) -> &[u8] {
        let (segment, row) = self.locate(row);
        segment.row_bytes(row, self.dim() * self.manifest.dtype.size())
    }

    /// Lets the system drop the cached pages of the rows.
    pub(super) fn release(&self) {
        self.segments.iter().for_each(Segment::release);
    }
}
