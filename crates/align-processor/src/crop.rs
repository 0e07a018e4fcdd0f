//! Center crop with zero padding.

use crate::dimensions::Dimensions;

/// The crop along one axis: first position read, first position written, and number of positions.
/// All other positions stay zero.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    source: usize,
    target: usize,
    len: usize,
}

/// The span of a crop of length `crop` from an image of length `image`.
///
/// If the difference is odd, a larger image loses the odd pixel at its end: the crop starts at the
/// floor of half the difference. A smaller image has the odd pixel of padding in front of it.
fn span(image: usize, crop: usize) -> Span {
    if image >= crop {
        Span { source: (image - crop) / 2, target: 0, len: crop }
    } else {
        Span { source: 0, target: (crop - image).div_ceil(2), len: image }
    }
}

/// The centre of an image, of size `to`: `[height, width, C]`, interleaved.
pub(crate) fn center_crop<const C: usize>(src: &[u8], from: Dimensions, to: Dimensions) -> Vec<u8> {
    let (rows, columns) = (span(from.height, to.height), span(from.width, to.width));
    let mut out = vec![0; to.area() * C];
    for i in 0..rows.len {
        let source = ((rows.source + i) * from.width + columns.source) * C;
        let target = ((rows.target + i) * to.width + columns.target) * C;
        out[target..][..columns.len * C].copy_from_slice(&src[source..][..columns.len * C]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        assert_eq!(span(346, 289), Span { source: 28, target: 0, len: 289 });
        assert_eq!(span(5, 5), Span { source: 0, target: 0, len: 5 });
        assert_eq!(span(2, 5), Span { source: 0, target: 2, len: 2 });
        assert_eq!(span(5, 2), Span { source: 1, target: 0, len: 2 });
    }

    #[test]
    fn crops_one_axis_and_pads_the_other() {
        let from = Dimensions { height: 1, width: 4 };
        let to = Dimensions { height: 2, width: 2 };
        assert_eq!(center_crop::<1>(&[1, 2, 3, 4], from, to), [0, 0, 2, 3]);
    }
}
