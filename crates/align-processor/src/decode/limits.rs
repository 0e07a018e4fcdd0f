//! Limits for image files.

use crate::error::ImageFault;
use image::Limits;

/// Limits for image files. They are checked before memory is allocated for pixels.
///
/// ```
/// use align_processor::DecodeLimits;
///
/// let limits = DecodeLimits::default().with_max_pixels(10_000_000);
/// assert_eq!((limits.max_pixels, limits.max_side), (10_000_000, 1 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeLimits {
    /// Limit of width times height. Default 178,956,970, which is Pillow's limit for decompression
    /// bombs.
    pub max_pixels: u64,
    /// Limit of width and of height. Default 1,048,576, which is far beyond real images and keeps
    /// the resizing tables of a long thin image small.
    pub max_side: u32,
    /// Limit of the file's length in bytes. Default 1 GiB.
    pub max_bytes: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_pixels: 178_956_970, max_side: 1 << 20, max_bytes: 1 << 30 }
    }
}

impl DecodeLimits {
    /// Sets [`max_pixels`](Self::max_pixels).
    #[must_use]
    pub const fn with_max_pixels(self, max_pixels: u64) -> Self {
        Self { max_pixels, ..self }
    }

    /// Sets [`max_side`](Self::max_side).
    #[must_use]
    pub const fn with_max_side(self, max_side: u32) -> Self {
        Self { max_side, ..self }
    }

    /// Sets [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub const fn with_max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

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

    /// The decoder's limits for an image with `image_bytes` of pixels.
    ///
    /// Memory is limited to twice the pixels, for intermediate rows, tiles or a frame, plus a
    /// constant for metadata.
    pub(super) fn memory(&self, image_bytes: u64) -> Limits {
        const METADATA: u64 = 64 << 20;
        let mut limits = Limits::no_limits();
        limits.max_image_width = Some(self.max_side);
        limits.max_image_height = Some(self.max_side);
        limits.max_alloc = Some(image_bytes.saturating_mul(2).saturating_add(METADATA));
        limits
    }
}
