//! The first frame of a GIF file, on its canvas.

use std::io::{Cursor, ErrorKind};

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::DecodeLimits;
use super::rgb::from_pixels;
use crate::RgbImage;
use crate::error::ImageFault;

const FORMAT: &str = "GIF";

/// Decodes the first frame. Where it leaves the canvas bare, Pillow shows the colour of the
/// transparent index, or of index 0 if there is none; alpha is not a thing of RGB.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, ImageFault> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(MemoryLimit::Unlimited);
    options.check_frame_consistency(true);
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(fault)?;
    let (width, height) = (decoder.width(), decoder.height());
    limits.check_size(u32::from(width), u32::from(height))?;

    // Consistent frames lie inside the canvas, so its size bounds theirs.
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder
        .read_next_frame()
        .map_err(fault)?
        .ok_or_else(|| corrupt("no frame before the end of the file".into()))?;
    let palette = frame.palette.as_deref().or(global.as_deref()).unwrap_or_default();

    let mut canvas = vec![frame.transparent.unwrap_or(0); usize::from(width) * usize::from(height)];
    let columns = usize::from(frame.left)..usize::from(frame.left) + usize::from(frame.width);
    let rows = canvas.chunks_exact_mut(usize::from(width).max(1)).skip(usize::from(frame.top));
    for (row, source) in rows.zip(frame.buffer.chunks_exact(usize::from(frame.width).max(1))) {
        row[columns.clone()].copy_from_slice(source);
    }
    let (colors, _) = palette.as_chunks::<3>();
    let color = |index: &u8| colors.get(usize::from(*index)).copied().unwrap_or_default();
    let pixels = canvas.iter().flat_map(color).collect();
    from_pixels(u32::from(width), u32::from(height), pixels)
}

fn corrupt(message: String) -> ImageFault {
    ImageFault::Corrupt { format: FORMAT, message }
}

fn fault(error: DecodingError) -> ImageFault {
    match error {
        DecodingError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            ImageFault::Truncated { format: FORMAT }
        }
        other => corrupt(other.to_string()),
    }
}
