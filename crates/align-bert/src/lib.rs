//! The BERT text tower of ALIGN.

#![forbid(unsafe_code)]

mod config;
mod input;
mod output;
mod tower;

pub use config::AlignTextConfig;
pub use input::TextInput;
pub use output::{TextError, TextOptions, TextOutput};
pub use tower::TextTower;
