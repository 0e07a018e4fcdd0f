//! Image files to pixel values and strings to token ids, exactly as the original ALIGN processor.
//!
//! - [`decode`]: PNG, JPEG, WebP, GIF, BMP and TIFF files to upright 8-bit RGB;
//! - [`resize`]: Pillow's resizing, bit for bit;
//! - [`image_processor`]: resize, crop, rescale and normalise into `[N, C, H, W]` arrays;
//! - [`config`]: what `preprocessor_config.json` may say, and what holds where it is silent;
//! - [`files`]: the files in folders, before any of them is opened;
//! - [`text`]: BERT WordPiece token ids, padded or ragged;
//! - [`error`]: what can go wrong, said in terms of files and fields.
//!
//! ```
//! use align_processor::{ImageProcessor, ImageProcessorConfig, RgbImage};
//!
//! let processor = ImageProcessor::from_config(ImageProcessorConfig::default())?;
//! let image = RgbImage::from_pixel(640, 480, image::Rgb([200, 10, 30]));
//! let pixel_values = processor.preprocess(&image)?;
//! assert_eq!(pixel_values.shape(), [3, 346, 346]);
//! # Ok::<(), align_processor::ProcessorError>(())
//! ```
#![forbid(unsafe_code)]

pub mod config;
mod crop;
pub mod decode;
mod dimensions;
pub mod error;
pub mod files;
pub mod image_processor;
mod json;
pub mod resize;
pub mod text;
mod values;

pub use config::{ImageProcessorConfig, PerChannel, Size};
pub use decode::DecodeLimits;
pub use dimensions::{Dimensions, MAX_SIDE};
pub use error::{ImageFault, ProcessorError};
pub use image::RgbImage;
pub use image_processor::ImageProcessor;
pub use resize::Filter;
pub use text::{Encoding, Padding, TextOptions, Tokenizer};
