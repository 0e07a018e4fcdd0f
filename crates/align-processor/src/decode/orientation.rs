//! Orientation of an image by its metadata.

use image::ImageDecoder;
use image::metadata::Orientation;

/// The orientation in EXIF or, if it is not there, in XMP.
///
/// Metadata that cannot be read are ignored, as in Pillow: the pixels are still good.
pub(super) fn from_decoder(decoder: &mut impl ImageDecoder) -> Orientation {
    let exif = decoder.exif_metadata().ok().flatten();
    let stated = exif.and_then(|chunk| Orientation::from_exif_chunk(&chunk));
    let stated = stated.or_else(|| from_xmp(&decoder.xmp_metadata().ok()??));
    stated.unwrap_or(Orientation::NoTransforms)
}

/// The digit of `tiff:Orientation="6"` or `<tiff:Orientation>6</tiff:Orientation>`.
pub(super) fn from_xmp(xmp: &[u8]) -> Option<Orientation> {
    const NAME: &[u8] = b"tiff:Orientation";
    let mut rest = xmp;
    loop {
        let at = rest.windows(NAME.len()).position(|window| window == NAME)?;
        rest = &rest[at + NAME.len()..];
        match rest {
            [b'=', b'"', digit @ b'0'..=b'9', b'"', ..] | [b'>', digit @ b'0'..=b'9', b'<', ..] => {
                return Orientation::from_exif(digit - b'0');
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_xmp() {
        let attribute = br#"<rdf:Description tiff:Orientation="6"/>"#;
        assert_eq!(from_xmp(attribute), Some(Orientation::Rotate90));
        let element = b"<tiff:Orientation/> <tiff:Orientation>3</tiff:Orientation>";
        assert_eq!(from_xmp(element), Some(Orientation::Rotate180));
        assert_eq!(from_xmp(b"tiff:Orientation=\"x\""), None);
        assert_eq!(from_xmp(b"tiff:Orientation=\"0\""), None);
        assert_eq!(from_xmp(b""), None);
    }
}
