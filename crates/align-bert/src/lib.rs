//! The BERT text tower of ALIGN.

#![forbid(unsafe_code)]

mod config;

pub use config::AlignTextConfig;
