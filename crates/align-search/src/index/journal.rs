//! The journal: the work of a run that has not been committed yet.
//!
//! `journal.rows` holds embeddings, one after another. The first line of `journal.jsonl` names the
//! manifest that the journal adds to. Each further line holds the item of the next embedding, or a
//! failure.
//!
//! A row is written before its line, and the line holds the checksum of the row. A reader stops at
//! the first line that is incomplete or whose row fails its checksum.

use super::error::IndexError;
use super::files::{self, JOURNAL, JOURNAL_ROWS};
use super::item::{Failure, Item};
use crate::digest::Digest;
use align_tensor::MappedFile;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The longest time between two syncs, which bounds the work that a power failure can lose.
const SYNC_AFTER: Duration = Duration::from_secs(2);

#[derive(Serialize, Deserialize)]
struct Head {
    /// The digest of the bytes of the manifest.
    manifest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Record {
    Embedded { crc32: u32, item: Item },
    Failed(Failure),
}

/// The valid part of a journal.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// The items in the order of the rows.
    pub(super) items: Vec<Item>,
    pub(super) failures: Vec<Failure>,
    /// The file of the rows, if there is a journal.
    pub(super) rows: Option<MappedFile>,
    /// The length of the valid lines in bytes, or zero if there is no journal of this manifest.
    valid: u64,
}

impl Journal {
    /// Reads the journal of the manifest with this digest. Rows have `stride` bytes.
    pub(super) fn read(folder: &Path, manifest: Digest, stride: usize) -> Result<Self, IndexError> {
        let mut journal = Self::default();
        let Some(lines) = open(&folder.join(JOURNAL))? else { return Ok(journal) };
        let Some(rows) = open(&folder.join(JOURNAL_ROWS))? else { return Ok(journal) };
        let mut lines =
            lines.bytes().split_inclusive(|&b| b == b'\n').filter(|l| l.ends_with(b"\n"));
        let head = lines.next().and_then(|line| Some((line, parse::<Head>(line)?)));
        let Some((line, _)) = head.filter(|(_, head)| head.manifest == manifest) else {
            return Ok(journal);
        };
        journal.valid = line.len() as u64;
        for line in lines {
            match parse(line) {
                Some(Record::Embedded { crc32, item }) => {
                    let row = rows.bytes().get(journal.items.len() * stride..).unwrap_or_default();
                    if row.get(..stride).is_none_or(|row| crc32fast::hash(row) != crc32) {
                        break;
                    }
                    journal.items.push(item);
                }
                Some(Record::Failed(failure)) => journal.failures.push(failure),
                None => break,
            }
            journal.valid += line.len() as u64;
        }
        journal.rows = Some(rows);
        Ok(journal)
    }
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Option<T> {
    serde_json::from_slice(line).ok()
}

/// A file, or `None` if it does not exist.
fn open(path: &Path) -> Result<Option<MappedFile>, IndexError> {
    match MappedFile::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some).map_err(IndexError::io(path, "read")),
    }
}

/// A journal, open for appending.
#[derive(Debug)]
pub(super) struct JournalWriter {
    lines: (File, PathBuf),
    rows: (File, PathBuf),
    synced: Instant,
}

impl JournalWriter {
    /// Continues at the end of `journal`, or begins a new journal if it belongs to another manifest.
    pub(super) fn open(
        folder: &Path,
        manifest: Digest,
        journal: &Journal,
        stride: usize,
    ) -> Result<Self, IndexError> {
        let (path, rows_path) = (folder.join(JOURNAL), folder.join(JOURNAL_ROWS));
        let append = |path: &Path, length: u64| {
            let file = OpenOptions::new().append(true).create(true).open(path)?;
            // This removes an incomplete end. Readers use only the part that stays.
            file.set_len(length).map(|()| file)
        };
        let mut valid = journal.valid;
        if valid == 0 {
            // A reader may have mapped the rows of the old journal, so the file is not overwritten.
            match fs::remove_file(&rows_path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => removed.map_err(IndexError::io(&rows_path, "remove"))?,
            }
            let mut head = json(&Head { manifest });
            head.push(b'\n');
            files::replace(folder, JOURNAL, &head)?;
            valid = head.len() as u64;
        }
        let length = (journal.items.len() * stride) as u64;
        let rows = append(&rows_path, length).map_err(IndexError::io(&rows_path, "write"))?;
        let lines = append(&path, valid).map_err(IndexError::io(&path, "write"))?;
        Ok(Self { lines: (lines, path), rows: (rows, rows_path), synced: Instant::now() })
    }

    /// Appends embeddings: the bytes of all rows, and their items.
    pub(super) fn embedded(&mut self, rows: &[u8], items: &[Item]) -> Result<(), IndexError> {
        if items.is_empty() {
            return Ok(());
        }
        let (file, path) = &mut self.rows;
        file.write_all(rows).map_err(IndexError::io(path, "write"))?;
        let rows = rows.chunks_exact(rows.len() / items.len());
        let records = rows.zip(items).map(|(row, item)| Record::Embedded {
            crc32: crc32fast::hash(row),
            item: item.clone(),
        });
        self.record(records)
    }

    /// Appends failures.
    pub(super) fn failed(&mut self, failures: &[Failure]) -> Result<(), IndexError> {
        self.record(failures.iter().cloned().map(Record::Failed))
    }

    fn record(&mut self, records: impl Iterator<Item = Record>) -> Result<(), IndexError> {
        let mut lines = Vec::new();
        for record in records {
            lines.extend(json(&record));
            lines.push(b'\n');
        }
        let (file, path) = &mut self.lines;
        file.write_all(&lines).map_err(IndexError::io(path, "write"))?;
        if self.synced.elapsed() > SYNC_AFTER {
            for (file, path) in [&self.rows, &self.lines] {
                file.sync_data().map_err(IndexError::io(path, "write"))?;
            }
            self.synced = Instant::now();
        }
        Ok(())
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and numbers serialise")
}
