//! 16-bit BMP files: Pillow and the decoder widen samples of 5 and 6 bits differently.

use image::RgbImage;

/// Bits of red, green and blue in a 16-bit BMP file. `None` for any other file.
pub(super) fn sample_bits(bytes: &[u8]) -> Option<[u32; 3]> {
    let u16_at = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    const INFO_HEADER_LEN: u32 = 40;
    const BIT_FIELDS: u32 = 3;
    if u32_at(14)? < INFO_HEADER_LEN || u16_at(28)? != 16 {
        return None;
    }
    if u32_at(30)? != BIT_FIELDS {
        return Some([5, 5, 5]);
    }
    Some([u32_at(54)?.count_ones(), u32_at(58)?.count_ones(), u32_at(62)?.count_ones()])
}

/// Replaces widened samples of `bits` bits by those of Pillow.
///
/// The decoder rounds to the nearest value of 0..=255, and Pillow rounds down.
pub(super) fn round_down(image: &mut RgbImage, bits: [u32; 3]) {
    let tables = bits.map(|bits| {
        let max = 255_u16.unbounded_shr(8_u32.saturating_sub(bits)).max(1);
        let mut table = std::array::from_fn::<u8, 256, _>(|value| value as u8);
        for sample in 0..=max {
            let (nearest, lower) = ((sample * 255 + max / 2) / max, sample * 255 / max);
            table[usize::from(nearest)] = lower as u8;
        }
        table
    });
    for pixel in image.pixels_mut() {
        for (value, table) in pixel.0.iter_mut().zip(&tables) {
            *value = table[usize::from(*value)];
        }
    }
}
