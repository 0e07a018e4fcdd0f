//! Nearest-neighbour resizing. It copies pixels and computes none.

use crate::dimensions::Dimensions;

/// Resizes interleaved pixels of `C` channels. Each output pixel is the source pixel under its
/// centre.
pub(super) fn nearest<const C: usize>(src: &[u8], from: Dimensions, to: Dimensions) -> Vec<u8> {
    let columns = sources(from.width, to.width);
    let rows = sources(from.height, to.height);
    let mut out = vec![0; to.area() * C];
    for (out_row, y) in out.chunks_exact_mut(to.width * C).zip(rows) {
        let Some(y) = y else { continue };
        let (src_row, _) = src[y * from.width * C..][..from.width * C].as_chunks::<C>();
        for (pixel, x) in out_row.as_chunks_mut::<C>().0.iter_mut().zip(&columns) {
            if let Some(x) = x {
                *pixel = src_row[*x];
            }
        }
    }
    out
}

/// The source position under each output centre.
///
/// The position is a running sum of `from / to`, as in Pillow's affine scan. Its rounding errors
/// are part of the result. A position that drifts past the edge has no source, and the pixel stays
/// black.
fn sources(from: usize, to: usize) -> Vec<Option<usize>> {
    let step = from as f64 / to as f64;
    let mut position = step * 0.5;
    (0..to)
        .map(|_| {
            let source = position as usize;
            position += step;
            (source < from).then_some(source)
        })
        .collect()
}
