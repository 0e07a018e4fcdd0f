//! Writing of an index.

use super::description::Description;
use super::error::IndexError;
use super::files::{self, FileEntry, MANIFEST};
use super::item::{Failure, FileStamp, Item};
use super::journal::JournalWriter;
use super::lock::Lock;
use super::manifest::{Manifest, Shard};
use super::reader::Index;
use crate::digest::Digest;
use crate::npy::{self, Dtype};
use align_model::similarity::length;
use half::f16;
use ndarray::{ArrayView1, ArrayView2};
use std::collections::HashMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The rows of a shard. With 640 values in half precision it has 84 MB.
const SHARD_ROWS: usize = 1 << 16;

/// The largest deviation of the length of an embedding from one. It is much more than rounding, and
/// small enough to find vectors that were not normalised.
const LENGTH_TOLERANCE: f64 = 1e-3;

/// An index, open for writing. Meanwhile, no other process can write it, but any process can read it.
///
/// [`append`](Self::append) adds embeddings to the journal, so that they are in the index at once.
/// [`finish`](Self::finish) sets the final contents: it writes them in order, commits them and drops
/// everything else. The resulting files depend on their contents alone, not on the number of runs.
#[derive(Debug)]
pub struct IndexWriter {
    index: Index,
    journal: JournalWriter,
    /// The number of rows in the journal.
    appended: usize,
    known: HashMap<Box<str>, KnownItem>,
    contents: Arc<HashMap<Digest, usize>>,
    failed: HashMap<Box<str>, Failure>,
    shard_rows: usize,
    _lock: Lock,
}

/// An item that the index already holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownItem {
    /// The row of the item.
    pub row: usize,
    /// The state and the content of the file when it was embedded. Texts have none.
    pub stamp: Option<FileStamp>,
}

impl IndexWriter {
    /// Opens the index in a folder, or begins one in a new or empty folder. Relative paths in a new
    /// index count from the current folder.
    ///
    /// # Errors
    /// If the folder cannot be written, or another process writes it; if it holds other files, or an
    /// index that is damaged or does not match `description`.
    pub fn open(folder: impl AsRef<Path>, description: &Description) -> Result<Self, IndexError> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(IndexError::io(folder, "make"))?;
        refuse_other_files(folder)?;
        let lock = Lock::take(folder)?;
        if let Err(IndexError::NoIndex { .. }) = Manifest::read(folder) {
            begin(folder, description)?;
        }
        let (index, journal) = Index::from_manifest(folder, &Manifest::read(folder)?)?;
        index.description().check(folder, description)?;
        let stride = index.dim() * description.dtype.size();
        let mut writer = Self {
            journal: JournalWriter::open(folder, index.digest(), &journal, stride)?,
            appended: journal.items.len(),
            known: HashMap::with_capacity(index.len()),
            contents: Arc::default(),
            failed: HashMap::new(),
            shard_rows: SHARD_ROWS,
            _lock: lock,
            index,
        };
        let mut contents = HashMap::with_capacity(writer.index.len());
        for row in 0..writer.index.end() {
            let stamp = writer.register(&writer.index.item(row)?, row);
            contents.extend(stamp.map(|stamp| (stamp.sha256, row)));
        }
        writer.contents = Arc::new(contents);
        for failure in writer.index.failures()? {
            writer.failed.insert(failure.path.as_str().into(), failure);
        }
        Ok(writer)
    }

    /// Registers the row of an item. Returns the stamp of the file.
    fn register(&mut self, item: &Item, row: usize) -> Option<FileStamp> {
        let stamp = match item {
            Item::Image(item) => Some(item.stamp),
            Item::Text(_) => None,
        };
        self.known.insert(item.name().into(), KnownItem { row, stamp });
        stamp
    }

    /// The index as it was when it was opened.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The item of this name, if the index holds it. The name is a path as in the index, or a text.
    pub fn known(&self, name: &str) -> Option<KnownItem> {
        self.known.get(name).copied()
    }

    /// The names of all items that the index holds.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(AsRef::as_ref)
    }

    /// The rows of the files that the index held when it was opened, by content.
    pub fn contents(&self) -> Arc<HashMap<Digest, usize>> {
        Arc::clone(&self.contents)
    }

    /// The failure of a file, if it is known to fail.
    pub fn failure(&self, path: &str) -> Option<&Failure> {
        self.failed.get(path)
    }

    /// The failures of all files.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.failed.values()
    }

    /// Adds embeddings `[n, dim]` of unit length, one for each item, and returns their rows. They
    /// are in the index at once, and a process that is killed does not lose them.
    ///
    /// # Errors
    /// If an embedding is not finite or not of unit length, or the journal cannot be written.
    ///
    /// # Panics
    /// If there is not one embedding for each item.
    pub fn append(
        &mut self,
        items: &[Item],
        embeddings: ArrayView2<'_, f32>,
    ) -> Result<Range<usize>, IndexError> {
        assert_eq!(items.len(), embeddings.nrows(), "an embedding for each item");
        let dtype = self.index.description().dtype;
        let mut bytes = Vec::with_capacity(embeddings.len() * dtype.size());
        for (item, embedding) in items.iter().zip(embeddings.rows()) {
            self.check(item, embedding)?;
            match dtype {
                Dtype::F16 => {
                    embedding.iter().for_each(|&x| bytes.extend(f16::from_f32(x).to_le_bytes()))
                }
                Dtype::F32 => embedding.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            }
        }
        self.journal.embedded(&bytes, items)?;
        let first = self.end();
        self.appended += items.len();
        for (row, item) in (first..).zip(items) {
            self.register(item, row);
        }
        Ok(first..self.end())
    }

    fn check(&self, item: &Item, embedding: ArrayView1<'_, f32>) -> Result<(), IndexError> {
        let fault = |expected: &str, found: String| {
            let (item, expected) = (item.name().to_owned(), expected.to_owned());
            Err(IndexError::Embedding { item, expected, found })
        };
        if embedding.len() != self.index.dim() {
            let expected = format!("{} values", self.index.dim());
            return fault(&expected, embedding.len().to_string());
        }
        let length = length(embedding);
        // NaN fails this comparison too.
        if (length - 1.0).abs() <= LENGTH_TOLERANCE {
            Ok(())
        } else {
            fault("unit length", format!("length {length}"))
        }
    }

    /// One past the last row.
    fn end(&self) -> usize {
        self.index.manifest().rows + self.appended
    }

    /// Adds files that cannot be embedded.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn append_failures(&mut self, failures: &[Failure]) -> Result<(), IndexError> {
        self.journal.failed(failures)?;
        for failure in failures {
            self.failed.insert(failure.path.as_str().into(), failure.clone());
        }
        Ok(())
    }

    /// Commits exactly these items and failures, in this order. Each item comes with the row of its
    /// embedding. If it fails, the index is as before.
    ///
    /// # Errors
    /// If a file cannot be written, or a file that is still needed is damaged.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn finish(
        self,
        items: Vec<(Item, usize)>,
        failures: Vec<Failure>,
    ) -> Result<(), IndexError> {
        let folder = self.index.folder().to_owned();
        // The index is opened again to include the rows that were appended.
        let (index, _) = Index::from_manifest(&folder, &Manifest::read(&folder)?)?;
        let old = index.manifest();
        let mut manifest = old.emptied();
        let mut first = 0;
        let mut is_verified = false;
        for (number, items) in items.chunks(self.shard_rows).enumerate() {
            let before = old.shards.get(number);
            // Rows that stay in their place are not written again.
            let end = first + before.map_or(0, |shard| shard.rows);
            let stands = items.iter().map(|(_, row)| *row).eq(first..end);
            let embeddings = match before.filter(|_| stands) {
                Some(shard) => shard.embeddings.clone(),
                None => {
                    if !is_verified {
                        // Otherwise damaged rows would be copied and get a valid digest.
                        index.verify()?;
                        is_verified = true;
                    }
                    write_embeddings(&folder, &index, number, items)?
                }
            };
            let items_entry = write_items(&folder, number, items)?;
            manifest.rows += items.len();
            manifest.shards.push(Shard { rows: items.len(), embeddings, items: items_entry });
            first = end;
            index.release();
        }
        if !failures.is_empty() {
            manifest.failures = Some(write_failures(&folder, &failures)?);
        }
        if manifest != *old {
            // The names of the new files must be on disk before the manifest that lists them.
            files::sync_folder(&folder).map_err(IndexError::io(&folder, "write"))?;
            files::replace(&folder, MANIFEST, &manifest.to_bytes())?;
        }
        drop(self.journal);
        files::sweep(&folder, &manifest.files().map(|file| file.name.as_str()).collect())
    }

    /// Sets the rows of a shard, so that tests have several shards.
    #[cfg(test)]
    pub(super) fn with_shard_rows(self, shard_rows: usize) -> Self {
        Self { shard_rows, ..self }
    }
}

/// Refuses to begin an index among other files.
fn refuse_other_files(folder: &Path) -> Result<(), IndexError> {
    if folder.join(MANIFEST).exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(IndexError::io(folder, "list"))? {
        let name = entry.map_err(IndexError::io(folder, "list"))?.file_name();
        if !name.to_str().is_some_and(files::may_precede_manifest) {
            let found = name.to_string_lossy().into_owned();
            return Err(IndexError::NotEmpty { folder: folder.to_owned(), found });
        }
    }
    Ok(())
}

/// Writes the manifest of an empty index.
fn begin(folder: &Path, description: &Description) -> Result<(), IndexError> {
    let base = std::env::current_dir().map_err(IndexError::io(Path::new("."), "find"))?;
    let base = base.to_str().ok_or_else(|| IndexError::Io {
        path: base.clone(),
        action: "begin an index in",
        source: std::io::Error::new(ErrorKind::InvalidFilename, "the path is not UTF-8"),
    })?;
    files::replace(folder, MANIFEST, &Manifest::empty(description, base).to_bytes())
}

fn write_embeddings(
    folder: &Path,
    index: &Index,
    number: usize,
    items: &[(Item, usize)],
) -> Result<FileEntry, IndexError> {
    let dtype = index.description().dtype;
    files::write_digested(folder, &format!("embeddings-{number:05}-"), ".npy", |mut out| {
        npy::write_header(&mut out, dtype, &[items.len(), index.dim()])?;
        items.iter().try_for_each(|(_, row)| out.write_all(index.row_bytes(*row)))
    })
}

fn write_items(
    folder: &Path,
    number: usize,
    items: &[(Item, usize)],
) -> Result<FileEntry, IndexError> {
    files::write_digested(folder, &format!("items-{number:05}-"), ".jsonl", |out| {
        items.iter().try_for_each(|(item, _)| write_line(out, item))
    })
}

fn write_failures(folder: &Path, failures: &[Failure]) -> Result<FileEntry, IndexError> {
    files::write_digested(folder, "failures-", ".jsonl", |out| {
        failures.iter().try_for_each(|failure| write_line(out, failure))
    })
}

fn write_line(mut out: &mut dyn Write, value: &impl serde::Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")
}
