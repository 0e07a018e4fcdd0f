//! Evaluation of ALIGN embeddings: metrics, and the data sets to compute them from.
//!
//! - [`metrics`]: retrieval, classification, nearest neighbours and linear probes on embeddings;
//! - [`dataset`]: labelled and captioned images;
//! - [`shards`]: images and captions in tar and Parquet files;
//! - [`lists`]: text files with an entry on each line.
//!
//! The crate works on arrays and files. It knows nothing of the index on disk, and it runs no model.

#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

pub mod dataset;
pub mod lists;
pub mod metrics;
pub mod shards;

pub use ndarray;
