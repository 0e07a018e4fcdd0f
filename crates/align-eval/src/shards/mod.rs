//! Shards: files that hold many samples.
//!
//! | format | a sample is | read by |
//! |---|---|---|
//! | tar, as webdataset lays it out | the members with one key | always |
//! | Parquet | a row | feature `parquet` |
//!
//! A [`Shard`] passes the images or the captions of its samples on, one after another. Damage never
//! ends the program: a bad part, or the rest of a damaged shard, is passed on as an error. Every
//! size in a file is checked before memory is allocated for it.
//!
//! ```
//! use align_eval::shards::{Shard, ShardFormat};
//!
//! # let mut header = [0; 512];
//! # header[..5].copy_from_slice(b"0.txt");
//! # header[124..136].copy_from_slice(b"00000000005\0");
//! # header[156] = b'0';
//! # let sum = 8 * 32 + header.iter().map(|&b| u32::from(b)).sum::<u32>();
//! # header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
//! # let mut bytes = header.to_vec();
//! # bytes.extend(b"a cat");
//! # bytes.resize(2048, 0);
//! let shard = Shard::from_bytes("captions.tar", ShardFormat::Tar, bytes);
//! let mut captions = Vec::new();
//! shard.captions(None, &mut |item| {
//!     captions.push((item.name, item.content?));
//!     Ok::<_, align_eval::shards::ShardError>(())
//! })?;
//! assert_eq!(captions, [("captions.tar/0.txt".to_owned(), "a cat".to_owned())]);
//! # Ok::<(), align_eval::shards::ShardError>(())
//! ```

mod error;
mod item;
#[cfg(feature = "parquet")]
mod parquet;
mod shard;
mod tar;
mod text;

pub use error::ShardError;
pub use item::{Item, Receive};
#[cfg(feature = "parquet")]
pub use parquet::TableError;
pub use shard::{Shard, ShardFormat};
