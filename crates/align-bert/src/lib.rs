//! The BERT text tower of ALIGN.

#![forbid(unsafe_code)]

mod config;
mod convert;
mod embeddings;
mod input;
mod layer;
mod layer_norm;
mod output;
mod ragged;
mod state;
mod tower;

pub use config::AlignTextConfig;
pub use convert::convert;
pub use input::TextInput;
pub use ndarray;
pub use output::{TextError, TextOptions, TextOutput};
pub use tower::TextTower;
