//! Image files to pixel values and strings to token ids, exactly as the original ALIGN processor.
//!
//! - [`decode`]: PNG, JPEG, WebP, GIF, BMP and TIFF files to upright 8-bit RGB;
//! - [`ImageProcessor`]: resize (bit for bit as Pillow), crop, rescale and normalise into
//!   `[N, C, H, W]` arrays;
//! - [`ImageProcessorConfig`]: the contents of `preprocessor_config.json`, and the defaults;
//! - [`files`]: the files in folders, before any of them is opened;
//! - [`Tokenizer`]: strings to BERT WordPiece token ids, padded or ragged;
//! - [`ProcessorError`]: errors that name files and fields.
//!
//! Arrays are those of [`ndarray`], which this crate re-exports.
//!
//! ```
//! use align_processor::{ImageProcessor, ImageProcessorConfig, RgbImage};
//!
//! let processor = ImageProcessor::from_config(ImageProcessorConfig::default())?;
//! let image = RgbImage::from_pixel(640, 480, [200, 10, 30].into());
//! let pixel_values = processor.preprocess(&image)?;
//! assert_eq!(pixel_values.shape(), [3, 346, 346]);
//! # Ok::<(), align_processor::ProcessorError>(())
//! ```

#![forbid(unsafe_code)]

mod config;
mod crop;
pub mod decode;
mod dimensions;
mod error;
pub mod files;
mod image_processor;
mod json;
mod resize;
mod text;
mod values;

pub use config::{ImageProcessorConfig, PerChannel, Size};
pub use decode::DecodeLimits;
pub use dimensions::{Dimensions, MAX_SIDE};
pub use error::{ImageFault, ProcessorError};
pub use image_processor::ImageProcessor;
pub use resize::Filter;
pub use text::{Encoding, Padding, Tokenizer, TokenizerOptions};

pub use image::RgbImage;
pub use ndarray;
