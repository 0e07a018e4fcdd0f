//! Detection of image files without decoding them.

use image::ImageFormat;
use std::path::Path;

/// Number of bytes at the start of a file that decide its format.
pub const SIGNATURE: usize = 32;

/// Whether a file is an image, by its first bytes.
///
/// `beginning` are the first [`SIGNATURE`] bytes, or all bytes of a shorter file. An image has a
/// format that [`decode`](super::decode) reads, or another format with an unmistakable signature.
///
/// ```
/// use align_processor::decode::is_image;
///
/// assert!(is_image(b"\x89PNG\r\n\x1a\n"));
/// assert!(!is_image(b"# Classes\n") && !is_image(b"BMW is a maker of cars."));
/// ```
pub fn is_image(beginning: &[u8]) -> bool {
    match image::guess_format(beginning) {
        // The signature of BMP is two letters, and a text may begin with them. So the length of the
        // header is checked too.
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

/// Whether a file's name has the extension of an image format.
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
    use image::DynamicImage;
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
