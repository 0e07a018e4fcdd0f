//! Search over ALIGN embeddings, and what measures them.

#![forbid(unsafe_code)]

pub mod dataset;
pub mod metrics;
pub mod npy;
