//! The EfficientNet vision tower of ALIGN.

#![forbid(unsafe_code)]

mod block;
mod config;
mod convert;
mod fold;
mod output;
mod tower;

pub use config::{AlignVisionConfig, BlockConfig, ImageSize, PoolingType};
pub use convert::convert;
pub use ndarray;
pub use output::{VisionError, VisionOptions, VisionOutput};
pub use tower::VisionTower;
