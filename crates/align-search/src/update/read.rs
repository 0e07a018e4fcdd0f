//! Reading of an image file: to pixel values, or to the reason why there are none.

use super::stat::Stat;
use crate::digest::Digester;
use crate::index::FileStamp;
use crate::message::full_message;
use align_model::{ImageProcessor, ProcessorError};
use align_processor::decode::{SIGNATURE, is_image};
use ndarray::Array3;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// The result of reading an image file.
pub(super) enum Content {
    /// Pixel values `[C, H, W]`.
    Pixels(Array3<f32>),
    /// The row of an embedding of the same content.
    Known(usize),
    /// The reason why the image cannot be used.
    Faulty(String),
}

/// Reads an image file, or returns `None` if it is not one. A file that `is_named` by the caller
/// counts as an image; for other files the first bytes decide.
pub(super) fn read(
    processor: &ImageProcessor,
    path: &Path,
    is_named: bool,
    known: impl Fn(&FileStamp) -> Option<usize>,
) -> io::Result<Option<(FileStamp, Content)>> {
    let file = File::open(path)?;
    let stat = Stat::from_metadata(&file.metadata()?)?;
    let mut bytes = Vec::new();
    (&file).take(SIGNATURE as u64).read_to_end(&mut bytes)?;
    if !is_named && !is_image(&bytes) {
        return Ok(None);
    }
    // One byte more than the limit is read, so that the decoder finds a file that is too long.
    let limit = processor.limits().max_bytes.saturating_add(1);
    (&file).take(limit.saturating_sub(bytes.len() as u64)).read_to_end(&mut bytes)?;
    let mut digester = Digester::default();
    digester.write_all(&bytes)?;
    io::copy(&mut &file, &mut digester)?;
    let stamp = FileStamp { size: stat.size, mtime: stat.mtime, sha256: digester.finish().0 };
    if let Some(row) = known(&stamp) {
        return Ok(Some((stamp, Content::Known(row))));
    }
    let pixels = processor.decode(&bytes).and_then(|image| {
        drop(bytes);
        processor.preprocess(&image)
    });
    Ok(Some((stamp, pixels.map_or_else(|error| Content::Faulty(reason(error)), Content::Pixels))))
}

/// The fault without the path: a moved index must not name the former place of a file.
fn reason(error: ProcessorError) -> String {
    match error {
        ProcessorError::Image { fault, .. } => full_message(&fault),
        other => full_message(&other),
    }
}
