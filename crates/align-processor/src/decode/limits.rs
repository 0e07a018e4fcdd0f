//! What an image file may ask for.

use image::Limits;

use crate::error::ImageFault;

/// Bounds on image files, checked before anything is allocated for the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Width times height. Default 178,956,970, where Pillow refuses a decompression bomb.
    pub max_pixels: u64,
    /// Width and height each. Default 1,048,576: far beyond real images, and small enough that
    /// the resizing tables of a long thin image stay small.
    pub max_side: u32,
    /// Length of the file in bytes. Default 1 GiB.
    pub max_bytes: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_pixels: 178_956_970, max_side: 1 << 20, max_bytes: 1 << 30 }
    }
}

impl DecodeLimits {
    pub(super) fn check_bytes(&self, len: usize) -> Result<(), ImageFault> {
        match len as u64 <= self.max_bytes {
            true => Ok(()),
            false => Err(ImageFault::FileTooLong { max_bytes: self.max_bytes }),
        }
    }

    pub(super) fn check_size(&self, width: u32, height: u32) -> Result<(), ImageFault> {
        if width == 0 || height == 0 {
            return Err(ImageFault::NoPixels { width, height });
        }
        let &Self { max_pixels, max_side, .. } = self;
        let pixels = u64::from(width) * u64::from(height);
        match pixels <= max_pixels && width.max(height) <= max_side {
            true => Ok(()),
            false => Err(ImageFault::TooManyPixels { width, height, max_pixels, max_side }),
        }
    }

    /// The decoder's allowance, for an image whose pixels fill `image_bytes`: those, as much
    /// again for what lies between (rows, tiles, a frame), and a constant for metadata.
    pub(super) fn memory(&self, image_bytes: u64) -> Limits {
        const METADATA: u64 = 64 << 20;
        let mut limits = Limits::no_limits();
        limits.max_image_width = Some(self.max_side);
        limits.max_image_height = Some(self.max_side);
        limits.max_alloc = Some(image_bytes.saturating_mul(2).saturating_add(METADATA));
        limits
    }
}
