//! Telling images from other files without decoding them.

use image::ImageFormat;
use std::path::Path;

/// How many bytes at the beginning of a file tell its format.
pub const SIGNATURE: usize = 32;

/// Whether a file that begins with these bytes, [`SIGNATURE`] of them or all it has, is an image:
/// of a format that [`decode`](super::decode) reads, or of another with a signature that no other
/// file has.
///
/// ```
/// use align_processor::decode::is_image;
///
/// assert!(is_image(b"\x89PNG\r\n\x1a\n"));
/// assert!(!is_image(b"# Classes\n") && !is_image(b"BMW is a maker of cars."));
/// ```
pub fn is_image(beginning: &[u8]) -> bool {
    match image::guess_format(beginning) {
        // Two letters alone, which a text may begin with; the length of the beginninger comes later.
        Ok(ImageFormat::Bmp) => {
            const HEADERS: [u32; 8] = [12, 16, 40, 52, 56, 64, 108, 124];
            let length = beginning.get(14..18).and_then(|bytes| bytes.first_chunk());
            length.is_some_and(|&length| HEADERS.contains(&u32::from_le_bytes(length)))
        }
        Ok(
            ImageFormat::Png
            | ImageFormat::Jpeg
            | ImageFormat::WebP
            | ImageFormat::Gif
            | ImageFormat::Tiff
            | ImageFormat::Avif
            | ImageFormat::Hdr
            | ImageFormat::OpenExr
            | ImageFormat::Qoi
            | ImageFormat::Dds
            | ImageFormat::Farbfeld,
        ) => true,
        _ => false,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, ImageFormat};
    use std::io::Cursor;

    #[test]
    fn what_is_read_is_recognised() {
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::WebP,
            ImageFormat::Gif,
            ImageFormat::Bmp,
            ImageFormat::Tiff,
        ] {
            let mut file = Cursor::new(Vec::new());
            DynamicImage::new_rgb8(3, 2).write_to(&mut file, format).unwrap();
            assert!(is_image(&file.get_ref()[..SIGNATURE]), "{format:?}");
        }
        assert!(is_image(b"\0\0\0\x1cftypavif\0\0\0\0"));
    }

    #[test]
    fn other_files_are_not() {
        for head in [
            &b""[..],
            b"B",
            b"BM",
            b"P1 was the first.",
            b"# Readme\n",
            b"\0\0\x01\0\x01",
            b"%PDF-1.7",
        ] {
            assert!(!is_image(head), "{head:?}");
        }
        assert!(!is_image(b"BMI and age of everyone in the study, 2020"));
    }
}
