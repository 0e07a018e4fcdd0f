//! Pixels of every kind to 8-bit RGB, as Pillow's `convert("RGB")`.

use crate::error::ImageFault;
use image::{DynamicImage, RgbImage};

/// Converts a decoded image, as Pillow does.
///
/// Alpha is dropped, not composited. 16-bit gray clips at 255, because Pillow converts it from
/// integers. Other 16-bit images keep the high byte of each sample, because Pillow drops the low
/// byte while reading.
pub(super) fn from_dynamic(
    image: DynamicImage,
    format: &'static str,
) -> Result<RgbImage, ImageFault> {
    let (width, height) = (image.width(), image.height());
    let pixels = match image {
        DynamicImage::ImageRgb8(image) => return Ok(image),
        DynamicImage::ImageLuma8(gray) => gray.iter().flat_map(|v| [*v; 3]).collect(),
        DynamicImage::ImageLumaA8(gray) => gray.pixels().flat_map(|p| [p.0[0]; 3]).collect(),
        DynamicImage::ImageRgba8(rgba) => {
            rgba.pixels().flat_map(|p| [p.0[0], p.0[1], p.0[2]]).collect()
        }
        DynamicImage::ImageLuma16(gray) => gray.iter().flat_map(|v| [clipped(*v); 3]).collect(),
        DynamicImage::ImageLumaA16(gray) => {
            gray.pixels().flat_map(|p| [high_byte(p.0[0]); 3]).collect()
        }
        DynamicImage::ImageRgb16(rgb) => rgb.iter().map(|v| high_byte(*v)).collect(),
        DynamicImage::ImageRgba16(rgba) => {
            rgba.pixels().flat_map(|p| [p.0[0], p.0[1], p.0[2]].map(high_byte)).collect()
        }
        other => {
            let message = format!("pixels of type {:?}", other.color());
            return Err(ImageFault::UnsupportedKind { format, message });
        }
    };
    Ok(from_pixels(width, height, pixels))
}

/// The image of these interleaved pixels. They must fill it.
pub(super) fn from_pixels(width: u32, height: u32, pixels: Vec<u8>) -> RgbImage {
    RgbImage::from_raw(width, height, pixels).expect("three bytes for each pixel")
}

/// A gray value beyond 8 bits as Pillow converts its integer modes.
pub(super) fn clipped(value: u16) -> u8 {
    value.min(255) as u8
}

/// A 16-bit sample as Pillow reads it into 8 bits.
pub(super) fn high_byte(value: u16) -> u8 {
    (value >> 8) as u8
}

/// CMYK to RGB: `(255 - K)(255 - C) / 255` for red, and with M and Y for green and blue.
///
/// As in Pillow, the product `C (255 - K) / 255` is rounded, then subtracted from `255 - K`.
pub(super) fn from_cmyk([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let light = 255 - i32::from(k);
    [c, m, y].map(|ink| {
        let product = i32::from(ink) * light + 128;
        let absorbed = ((product >> 8) + product) >> 8;
        (light - absorbed).clamp(0, 255) as u8
    })
}
