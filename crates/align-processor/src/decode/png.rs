//! Parts of a PNG file that are read before its decoder runs.
//!
//! The size is read so that this crate's limits apply, and not the decoder's. The EXIF chunk may
//! follow the pixels, and the decoder stops at their end.

/// The content of the first `eXIf` chunk.
pub(super) fn exif(bytes: &[u8]) -> Option<&[u8]> {
    const SIGNATURE_LEN: usize = 8;
    const CHECKSUM_LEN: usize = 4;
    let mut rest = bytes.get(SIGNATURE_LEN..)?;
    loop {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let (data, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        if kind == b"eXIf" {
            return Some(data);
        }
        rest = after.get(CHECKSUM_LEN..)?;
    }
}

/// Width and height in the header of a PNG file.
pub(super) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let (width, after) = bytes.get(16..)?.split_first_chunk::<4>()?;
    let (height, _) = after.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}
