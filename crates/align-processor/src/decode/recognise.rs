//! Telling images from other files without decoding them.

use image::ImageFormat;
use std::path::Path;

/// How many bytes at the beginning of a file tell its format.
pub const SIGNATURE: usize = 32;

/// Whether a file that begins with these bytes, [`SIGNATURE`] of them or all it has, is an image:
/// of a format that [`decode`](super::decode) reads, or of another.
///
/// ```
/// use align_processor::decode::is_image;
///
/// assert!(is_image(b"\x89PNG\r\n\x1a\n"));
/// assert!(!is_image(b"# Classes\n"));
/// ```
pub fn is_image(beginning: &[u8]) -> bool {
    image::guess_format(beginning).is_ok()
}

/// Whether a file has the extension of an image format.
///
/// ```
/// use align_processor::decode::has_image_name;
///
/// assert!(has_image_name("photos/cat.JPG") && !has_image_name("photos/cat.txt"));
/// ```
pub fn has_image_name(path: impl AsRef<Path>) -> bool {
    ImageFormat::from_path(path).is_ok()
}
