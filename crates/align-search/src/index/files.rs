//! The files of an index: names, entries of the manifest, and atomic writes.
//!
//! A file is written under a temporary name, synced to disk, and renamed. Its name holds the
//! beginning of its digest. So a new file never replaces another file, and the same content always
//! has the same name.

use super::error::IndexError;
use crate::digest::{Digest, Digester};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const LOCK: &str = "lock";
pub(super) const JOURNAL: &str = "journal.jsonl";
pub(super) const JOURNAL_ROWS: &str = "journal.rows";
const TEMPORARY: &str = "temporary";

/// The prefixes and suffixes of names that hold a digest.
const DIGESTED: [(&str, &str); 3] =
    [("embeddings-", ".npy"), ("items-", ".jsonl"), ("failures-", ".jsonl")];

/// A file that the manifest lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) sha256: Digest,
}

/// Whether a manifest may list a file of this name. Such a name stays within the folder.
pub(super) fn is_plain_name(name: &str) -> bool {
    DIGESTED.iter().any(|(prefix, suffix)| {
        let middle = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
        middle.is_some_and(|middle| middle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    })
}

/// Whether an index without a manifest may have a file of this name.
pub(super) fn may_precede_manifest(name: &str) -> bool {
    [LOCK, TEMPORARY].contains(&name)
}

/// Writes a file and names it by `prefix`, the digest of its content, and `suffix`.
pub(super) fn write_digested(
    folder: &Path,
    prefix: &str,
    suffix: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<FileEntry, IndexError> {
    let temporary = folder.join(TEMPORARY);
    let written = (|| {
        let mut out =
            Tee { file: BufWriter::new(File::create(&temporary)?), digester: Digester::default() };
        write(&mut out)?;
        out.file.into_inner()?.sync_all()?;
        Ok(out.digester.finish())
    })();
    let (sha256, bytes) = written.map_err(IndexError::io(&temporary, "write"))?;
    let name = format!("{prefix}{}{suffix}", sha256.short());
    debug_assert!(is_plain_name(&name), "{name}");
    let path = folder.join(&name);
    fs::rename(&temporary, &path).map_err(IndexError::io(&path, "write"))?;
    Ok(FileEntry { name, bytes, sha256 })
}

/// A writer to a file that also computes the digest.
struct Tee {
    file: BufWriter<File>,
    digester: Digester,
}

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digester.write_all(&bytes[..written])?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Replaces a file by `bytes` atomically.
pub(super) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), IndexError> {
    let (temporary, path) = (folder.join(TEMPORARY), folder.join(name));
    let replaced = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync_folder(folder)
    })();
    replaced.map_err(IndexError::io(&path, "write"))
}

/// Syncs the names in a folder to disk, if the system can do so.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Removes files of earlier states of the index: those that are not in `keep`. Files that do not
/// belong to an index are not touched.
pub(super) fn sweep(folder: &Path, keep: &HashSet<&str>) -> Result<(), IndexError> {
    let entries = fs::read_dir(folder).map_err(IndexError::io(folder, "list"))?;
    for entry in entries {
        let name = entry.map_err(IndexError::io(folder, "list"))?.file_name();
        let Some(name) = name.to_str() else { continue };
        let ours = is_plain_name(name) || [TEMPORARY, JOURNAL, JOURNAL_ROWS].contains(&name);
        if ours && !keep.contains(name) {
            let path = folder.join(name);
            fs::remove_file(&path).map_err(IndexError::io(&path, "remove"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay_in_the_folder() {
        for name in ["embeddings-00000-0123456789ab.npy", "items-1.jsonl", "failures-a.jsonl"] {
            assert!(is_plain_name(name), "{name}");
        }
        for name in ["items-../x.jsonl", "items-.jsonl.jsonl", "embeddings-0.jsonl", MANIFEST, ""] {
            assert!(!is_plain_name(name), "{name}");
        }
    }

    #[test]
    fn files_are_named_by_their_content_and_swept_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| {
            let entry = write_digested(folder.path(), "items-00000-", ".jsonl", |out| {
                out.write_all(text.as_bytes())
            });
            entry.unwrap()
        };
        let (one, other) = (write("one"), write("other"));
        assert_eq!((one.bytes, one.sha256), (3, Digest::from_content(b"one")));
        assert_eq!(one.name, format!("items-00000-{}.jsonl", Digest::from_content(b"one").short()));
        assert_eq!(write("one"), one);
        replace(folder.path(), MANIFEST, b"{}").unwrap();
        fs::write(folder.path().join("photo.jpg"), "mine").unwrap();
        fs::write(folder.path().join(JOURNAL), "old").unwrap();

        sweep(folder.path(), &[one.name.as_str()].into()).unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [&one.name, MANIFEST, "photo.jpg"]);
        assert!(!folder.path().join(other.name).exists());
    }
}
