//! Image files to upright 8-bit RGB, as Pillow's `Image.open`, `ImageOps.exif_transpose` and
//! `convert("RGB")` return it.
//!
//! - `limits`: limits for image files;
//! - `recognise`: detection of image files;
//! - `rgb`: gray, alpha and 16-bit pixels to RGB;
//! - `orientation`: the EXIF or XMP orientation;
//! - `bmp`, `gif`, `jpeg`, `png`, `tiff`: the parts of a format that its decoder does not cover.

mod bmp;
mod gif;
mod jpeg;
mod limits;
mod orientation;
mod png;
mod recognise;
mod rgb;
mod tiff;

pub use limits::DecodeLimits;
pub use recognise::{SIGNATURE, has_image_name, is_image};

use crate::error::{ImageFault, ProcessorError};
use image::codecs::bmp::BmpDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, RgbImage};
use std::fs::File;
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;

/// Reads and decodes an image file. See [`decode`].
///
/// # Errors
/// If the file cannot be read, or as [`decode`]. The error names the file.
pub fn open(path: impl AsRef<Path>, limits: &DecodeLimits) -> Result<RgbImage, ProcessorError> {
    let path = path.as_ref();
    let io = |source| ProcessorError::Io { path: path.into(), source };
    let file = File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(limits.max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    decode(&bytes, limits).map_err(|error| error.at(path))
}

/// Decodes the bytes of a PNG, JPEG, WebP, GIF, BMP or TIFF file. The content decides the format.
///
/// Of an animation or a file with several pages, the first picture is decoded.
///
/// - The orientation in EXIF, or else in XMP, is applied.
/// - Gray becomes three equal channels, palettes are looked up, alpha is dropped.
/// - As in Pillow, 16-bit gray clips at 255 and other 16-bit samples keep their high byte.
/// - As in Pillow, the red of CMYK is `(255 - K)(255 - C) / 255`. Green and blue follow from M and
///   Y.
/// - Lossless files decode as Pillow decodes them. JPEG decoders may differ in the last bits; this
///   crate's tests hold the measured difference from libjpeg-turbo.
///
/// # Errors
/// If the bytes are no image, an image of an unsupported kind, truncated, corrupt, or beyond
/// `limits`. Sizes are checked before memory is allocated for them.
///
/// ```
/// use align_processor::decode::{DecodeLimits, decode};
///
/// let error = decode(b"not an image", &DecodeLimits::default()).unwrap_err();
/// assert!(error.to_string().contains("none of PNG, JPEG, WebP, GIF, BMP, TIFF"));
/// ```
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, ProcessorError> {
    limits.check_bytes(bytes.len())?;
    if bytes.is_empty() {
        return Err(ImageFault::Empty.into());
    }
    let format = image::guess_format(bytes).map_err(|_| ImageFault::NotAnImage)?;
    let input = Cursor::new(bytes);
    Ok(match format {
        ImageFormat::Png => {
            let (width, height) =
                png::size(bytes).ok_or(ImageFault::Truncated { format: "PNG" })?;
            limits.check_size(width, height)?;
            // A pixel has at most four samples of two bytes. The limit also bounds compressed
            // metadata.
            let memory = limits.memory(u64::from(width) * u64::from(height) * 8);
            let exif = png::exif(bytes).and_then(Orientation::from_exif_chunk);
            Source::new("PNG", PngDecoder::with_limits(input, memory)).read(exif, limits)
        }
        ImageFormat::Jpeg => {
            jpeg::check_complete(bytes)?;
            Source::new("JPEG", JpegDecoder::new(input)).read(None, limits)
        }
        ImageFormat::WebP => Source::new("WebP", WebPDecoder::new(input)).read(None, limits),
        ImageFormat::Gif => gif::decode(bytes, limits),
        ImageFormat::Bmp => {
            let mut image = Source::new("BMP", BmpDecoder::new(input)).read(None, limits)?;
            if let Some(bits) = bmp::sample_bits(bytes) {
                bmp::round_down(&mut image, bits);
            }
            Ok(image)
        }
        ImageFormat::Tiff => tiff::decode(bytes, limits),
        other => {
            let format = format!("{other:?}").to_uppercase();
            Err(ImageFault::UnsupportedFormat { format })
        }
    }?)
}

/// A decoder whose header has been read, or the error of reading it.
struct Source<D> {
    format: &'static str,
    decoder: Result<D, ImageError>,
}

impl<D: ImageDecoder> Source<D> {
    fn new(format: &'static str, decoder: Result<D, ImageError>) -> Self {
        Self { format, decoder }
    }

    /// Decodes to upright RGB. Without a `stated` orientation, the decoder reads it.
    fn read(
        self,
        stated: Option<Orientation>,
        limits: &DecodeLimits,
    ) -> Result<RgbImage, ImageFault> {
        let fault = |error| fault(self.format, error);
        let mut decoder = self.decoder.map_err(fault)?;
        let (width, height) = decoder.dimensions();
        limits.check_size(width, height)?;
        decoder.set_limits(limits.memory(decoder.total_bytes())).map_err(fault)?;
        let orientation = stated.unwrap_or_else(|| orientation::from_decoder(&mut decoder));
        let image = DynamicImage::from_decoder(decoder).map_err(fault)?;
        Ok(turn(rgb::from_dynamic(image, self.format)?, orientation))
    }
}

/// Applies an orientation.
fn turn(image: RgbImage, orientation: Orientation) -> RgbImage {
    if orientation == Orientation::NoTransforms {
        return image;
    }
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}

/// The fault for a decoder's error.
fn fault(format: &'static str, error: ImageError) -> ImageFault {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            ImageFault::Truncated { format }
        }
        ImageError::Limits(_) => ImageFault::TooMuchMemory { format },
        ImageError::Unsupported(error) => {
            ImageFault::UnsupportedKind { format, message: error.to_string() }
        }
        other => ImageFault::Corrupt { format, message: other.to_string() },
    }
}
