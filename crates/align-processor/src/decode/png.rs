//! What is read of a PNG file before its decoder: the size, so that the limits given here are the
//! ones that refuse it, and the EXIF chunk, which may stand after the pixels, where a decoder that
//! stops at them does not see it.

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

/// Width and height, from the header that begins every PNG file.
pub(super) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let (width, after) = bytes.get(16..)?.split_first_chunk::<4>()?;
    let (height, _) = after.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}
