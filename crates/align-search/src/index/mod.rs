//! The index on disk: embeddings and their items, in one folder.
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | the properties of the index and the list of its files; the last line is the SHA-256 of all lines in front of it |
//! | `embeddings-NNNNN-DIGEST.npy` | `[rows, dim]`, f16 or f32, of unit length; NumPy maps it (`mmap_mode="r"`) |
//! | `items-NNNNN-DIGEST.jsonl` | a line for each row: `{"path", "size", "mtime", "sha256"}` (size in bytes, mtime in nanoseconds since 1970) or `{"text"}` |
//! | `failures-DIGEST.jsonl` | files that could not be embedded: path, size, mtime, SHA-256, and the reason |
//! | `journal.jsonl`, `journal.rows` | the work of a run that has not been committed yet |
//! | `lock` | locked while a process writes; always empty |
//!
//! `NNNNN` is the number of a shard of 65,536 rows, and `DIGEST` is the beginning of the SHA-256 of
//! the file. Images are sorted by path (bytewise). Texts keep the order in which they were given.
//!
//! - Files that the manifest lists never change. A run appends to the journal. At its end, it writes
//!   new files, replaces the manifest by a rename, which is the commit, and removes files that are no
//!   longer listed (garbage collection). If it is killed at any moment, all files that the manifest
//!   lists are complete, and the journal is kept.
//! - The bytes of the files depend on the content of the index alone. A run that is killed and
//!   repeated leaves the same bytes as one that is not killed. No file holds a time except those of
//!   the indexed files.
//! - An index belongs to one model, precision and preprocessing, and refuses others. One process can
//!   write it at a time.

mod description;
mod error;
mod files;
mod item;
mod journal;
mod lines;
mod lock;
mod manifest;
mod reader;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

pub use description::{Description, ItemKind};
pub use error::IndexError;
pub use item::{Failure, FileStamp, ImageItem, Item, TextItem};
pub use reader::Index;
pub use writer::{IndexWriter, KnownItem};
