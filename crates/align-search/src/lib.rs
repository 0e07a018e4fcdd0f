//! Search over ALIGN embeddings.
//!
//! - [`index`]: embeddings on disk, read by [`Index`] and written by [`IndexWriter`];
//! - [`update`]: updates of an index from files or texts;
//! - [`Searcher`]: exact search for a [`Query`];
//! - [`duplicates`]: groups of near-identical items;
//! - [`ModelIdentity`]: the model that made an embedding;
//! - [`npy`]: `.npy` files of NumPy.

#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

mod digest;
mod duplicates;
mod identity;
pub mod index;
mod message;
pub mod npy;
mod query;
mod searcher;
#[cfg(test)]
mod testing;
pub mod update;

pub use ndarray;

pub use digest::{Digest, DigestError};
pub use duplicates::duplicates;
pub use identity::{FingerprintError, ModelIdentity, fingerprint, fingerprint_folder};
pub use index::{
    Description, Failure, FileStamp, ImageItem, Index, IndexError, IndexWriter, Item, ItemKind,
    KnownItem, TextItem,
};
pub use npy::Dtype;
pub use query::{Query, QueryError};
pub use searcher::{Hit, SearchError, SearchOptions, Searcher};
