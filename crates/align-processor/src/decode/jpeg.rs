//! Detection of truncated JPEG files.
//!
//! The decoder would paint the missing part gray. Pillow refuses such a file, and so does this
//! crate.

use crate::error::ImageFault;

/// Checks that an end-of-image marker follows the start of the first scan.
pub(super) fn check_complete(bytes: &[u8]) -> Result<(), ImageFault> {
    const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
    let scan = first_scan(bytes).unwrap_or_default();
    // Inside a scan 0xff is followed by 0, so the pair cannot be compressed data.
    match scan.windows(2).any(|pair| pair == END_OF_IMAGE) {
        true => Ok(()),
        false => Err(ImageFault::Truncated { format: "JPEG" }),
    }
}

/// The bytes after the first start-of-scan marker. Earlier segments are skipped by their length,
/// because a thumbnail inside one is a whole JPEG file of its own.
fn first_scan(bytes: &[u8]) -> Option<&[u8]> {
    const START_OF_SCAN: u8 = 0xda;
    let mut rest = bytes.get(2..)?;
    loop {
        match *rest {
            // Fill bytes and markers without a segment.
            [0xff, 0xff, ..] => rest = &rest[1..],
            [0xff, 0x01 | 0xd0..=0xd9, ..] => rest = &rest[2..],
            [0xff, marker, high, low, ..] => {
                rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..)?;
                if marker == START_OF_SCAN {
                    return Some(rest);
                }
            }
            // Stray bytes between segments. Decoders skip them.
            [_, _, ..] => rest = &rest[1..],
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_inside_a_thumbnail_does_not_count() {
        let head = [0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
        let scan = [0xff, 0xda, 0, 2, 1, 2, 3, 0xff, 0];
        let truncated = [&head[..], &scan].concat();
        assert!(check_complete(&truncated).is_err());
        assert!(check_complete(&[&truncated[..], &[0xff, 0xd9]].concat()).is_ok());
        for end in 0..truncated.len() {
            assert!(check_complete(&truncated[..end]).is_err());
        }
    }
}
