//! The index on disk: embeddings and what they belong to, in one folder.
//!
//! | file | holds |
//! |---|---|
//! | `manifest.json` | what the index is of, what it was made with, and which files belong to it; its last line is the SHA-256 of all before |
//! | `embeddings-NNNNN-DIGEST.npy` | `[rows, dim]`, f16 or f32, of unit length; NumPy maps it (`mmap_mode="r"`) |
//! | `items-NNNNN-DIGEST.jsonl` | a line for each row: `{"path", "size", "mtime", "sha256"}` (size in bytes, mtime in nanoseconds since 1970) or `{"text"}` |
//! | `failures-DIGEST.jsonl` | files that could not be embedded: path, size, mtime, SHA-256, and the reason |
//! | `journal.jsonl`, `journal.rows` | what a run that has not come to its end has done so far |
//! | `lock` | locked while a process writes; always empty |
//!
//! `NNNNN` counts the shards of 65,536 rows, `DIGEST` begins the SHA-256 of the file. Rows are in the
//! order of the items' paths (bytewise), texts in the order in which they were given.
//!
//! - Files that the manifest lists never change. A run adds to the journal; at its end it writes new
//!   files, replaces the manifest in one step, and removes what is no longer listed. Whenever it is
//!   killed, the manifest that is there lists whole files, and what the journal holds is kept.
//! - The files depend on what they hold alone: a run that was killed and run again leaves the same
//!   bytes as one that was not. There are no times in them but those of the files indexed.
//! - An index is of one model, precision and preprocessing, and refuses others. It is written by one
//!   process at a time.

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
