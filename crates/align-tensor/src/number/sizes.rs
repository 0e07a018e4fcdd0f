//! Checked arithmetic on sizes that come from outside: they must not wrap in a release build.

use std::ops::Range;

/// The number of elements of an array of this shape.
///
/// # Panics
/// If it overflows.
pub(crate) fn product<const N: usize>(sizes: [usize; N]) -> usize {
    sizes
        .into_iter()
        .try_fold(1usize, |product, size| product.checked_mul(size))
        .unwrap_or_else(|| panic!("an array of {sizes:?} does not fit in memory"))
}

/// Piece `index` of `0..total`, cut into `pieces` whose lengths differ by at most one.
#[inline]
pub(crate) fn piece(total: usize, index: usize, pieces: usize) -> Range<usize> {
    // The first `longer` pieces are longer by one. Nothing overflows: a bound is at most `total`.
    let (len, longer) = (total / pieces, total % pieces);
    let bound = |index: usize| index * len + index.min(longer);
    bound(index)..bound(index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_the_whole_in_order() {
        for (total, pieces) in [(10, 3), (0, 2), (7, 7), (3, 5), (usize::MAX, 4)] {
            let mut end = 0;
            for index in 0..pieces {
                let piece = piece(total, index, pieces);
                assert_eq!(piece.start, end);
                end = piece.end;
                assert!(piece.len() >= total / pieces && piece.len() <= total.div_ceil(pieces));
            }
            assert_eq!(end, total);
        }
    }

    #[test]
    #[should_panic(expected = "does not fit in memory")]
    fn a_product_does_not_wrap() {
        product([1 << 33, 1 << 33]);
    }
}
