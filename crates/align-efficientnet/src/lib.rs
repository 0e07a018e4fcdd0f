//! The EfficientNet vision tower of ALIGN.

#![forbid(unsafe_code)]

mod config;

pub use config::{AlignVisionConfig, BlockConfig, ImageSize, PoolingType};
