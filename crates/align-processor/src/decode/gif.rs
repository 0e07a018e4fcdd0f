//! The first frame of a GIF file, on its canvas.

use crate::decode::limits::DecodeLimits;
use crate::decode::rgb::from_pixels;
use crate::error::ImageFault;
use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};
use image::RgbImage;
use std::io::{Cursor, ErrorKind};

const FORMAT: &str = "GIF";

/// Decodes the first frame, as Pillow does.
///
/// A frame that reaches beyond the canvas enlarges it. The part of the canvas that the frame does
/// not cover has the palette's colour of the transparent index, or of index 0 if there is none.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, ImageFault> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // Sizes are checked below, before memory is allocated for pixels.
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(fault)?;
    let (screen_width, screen_height) =
        (usize::from(decoder.width()), usize::from(decoder.height()));
    let global = decoder.global_palette().map(<[u8]>::to_vec);

    let frame = decoder
        .next_frame_info()
        .map_err(fault)?
        .ok_or_else(|| corrupt("no frame before the end of the file".into()))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (frame_width, frame_height) = (usize::from(frame.width), usize::from(frame.height));
    let background = frame.transparent.unwrap_or(0);
    let palette = frame.palette.as_ref().map(|colors| colors.to_vec()).or(global);
    let palette = palette.unwrap_or_default();

    let width = screen_width.max(left + frame_width);
    let height = screen_height.max(top + frame_height);
    limits.check_size(width as u32, height as u32)?;
    let mut pixels = vec![0; frame_width * frame_height];
    decoder.read_into_buffer(&mut pixels).map_err(fault)?;

    let mut canvas = vec![background; width * height];
    let rows = canvas.chunks_exact_mut(width.max(1)).skip(top);
    for (row, source) in rows.zip(pixels.chunks_exact(frame_width.max(1))) {
        row[left..][..frame_width].copy_from_slice(source);
    }
    let (colors, _) = palette.as_chunks::<3>();
    let color = |index: &u8| colors.get(usize::from(*index)).copied().unwrap_or_default();
    let pixels = canvas.iter().flat_map(color).collect();
    Ok(from_pixels(width as u32, height as u32, pixels))
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
