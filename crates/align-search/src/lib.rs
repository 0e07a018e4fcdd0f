//! Search over ALIGN embeddings, and what measures them.
//!
//! - [`index`]: embeddings on disk, read by [`Index`] and written by [`IndexWriter`];
//! - [`update`]: bringing an index up to date with files or texts;
//! - [`Query`]: what is searched for; [`Searcher`]: what is found; [`duplicates`]: what is there twice;
//! - [`ModelIdentity`]: which model made an embedding;
//! - [`metrics`]: how good embeddings are;
//! - [`dataset`]: labelled and captioned images, to measure that with;
//! - [`npy`]: NumPy's files.

#![forbid(unsafe_code)]

pub mod dataset;
mod digest;
mod duplicates;
mod identity;
pub mod index;
pub mod metrics;
pub mod npy;
mod query;
mod searcher;
#[cfg(test)]
mod testing;
pub mod update;

pub use digest::{Digest, DigestError};
pub use duplicates::duplicates;
pub use identity::{ModelIdentity, fingerprint, fingerprint_folder};
pub use index::{
    Description, Failure, FileStamp, ImageItem, Index, IndexError, IndexWriter, Item, Kind, Known,
    TextItem,
};
pub use npy::Dtype;
pub use query::{Query, QueryError};
pub use searcher::{Hit, SearchError, SearchOptions, Searcher};
