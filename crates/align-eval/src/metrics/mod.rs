//! Metrics of embeddings, over `ndarray` views.
//!
//! | task | result | metric |
//! |---|---|---|
//! | retrieval | [`retrieval_ranks`] | [`recall_at_k`] |
//! | classification by scores | [`predictions`], [`label_ranks`] | [`top_k_accuracy`], [`Confusion`] |
//! | nearest neighbours | [`knn_predictions`] | [`Confusion`] |
//! | linear probe | [`LinearProbe`] | [`Confusion`], [`top_k_accuracy`] of its scores |
//!
//! Everything is deterministic. Of equal scores, the lower index comes first. Results have the same
//! bits for any block size and any number of threads.

mod check;
mod classification;
mod confusion;
mod error;
mod knn;
mod lbfgs;
mod linear_probe;
mod logistic;
mod rank;
mod retrieval;
mod scores;
#[cfg(test)]
mod testing;

pub use classification::{label_ranks, predictions, top_k_accuracy};
pub use confusion::{Confused, Confusion};
pub use error::MetricsError;
pub use knn::knn_predictions;
pub use linear_probe::{LinearProbe, LinearProbeOptions};
pub use retrieval::{RetrievalRanks, recall_at_k, retrieval_ranks};
