//! Softmax over rows: `out[i] = e^(x[i] - max) / sum over j of e^(x[j] - max)`, in place.
//!
//! If all values of a row are equal, each result is exactly `1 / width`. The results of very negative
//! finite values are finite.

use crate::cpu::Isa;
use crate::cpu::simd::{Op, Simd};
use crate::math::exp;

struct SoftmaxRows<'a> {
    x: &'a mut [f32],
    width: usize,
}

impl Op for SoftmaxRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for row in self.x.chunks_exact_mut(self.width) {
            // A row may have no whole vector, so the search starts with a value of the row.
            let first = s.splat(row[0]);
            let mut largest = first;
            let mut chunks = row.chunks_exact(S::LANES);
            for chunk in &mut chunks {
                largest = s.max(largest, s.load_slice(chunk));
            }
            let mut largest = s.reduce_max(largest);
            for &x in chunks.remainder() {
                largest = largest.max(x);
            }
            let shift = s.splat(largest);
            let mut sum = s.zero();
            s.map_in_place(
                row,
                #[inline(always)]
                |x| exp(s, s.sub(x, shift)),
            );
            let mut chunks = row.chunks_exact(S::LANES);
            for chunk in &mut chunks {
                sum = s.add(sum, s.load_slice(chunk));
            }
            sum = s.add(sum, s.load_tail(chunks.remainder()));
            let share = s.splat(1.0 / s.reduce_add(sum));
            s.map_in_place(
                row,
                #[inline(always)]
                |x| s.mul(x, share),
            );
        }
    }
}

/// Softmax of every row of `x [rows, width]`, in place.
///
/// # Panics
/// If `width` is zero or `x` does not have a whole number of rows.
pub fn softmax_rows(isa: Isa, x: &mut [f32], width: usize) {
    assert!(width > 0 && x.len().is_multiple_of(width), "x [rows, width]");
    isa.dispatch(SoftmaxRows { x, width });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::values;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_reference(rows in 0usize..4, width in 1usize..80, scale in 0.0f32..100.0) {
            let x: Vec<f32> = values(rows * width, 1).iter().map(|x| x * scale).collect();
            for isa in Isa::available() {
                let mut found = x.clone();
                softmax_rows(isa, &mut found, width);
                for (found, x) in found.chunks(width).zip(x.chunks(width)) {
                    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let e: Vec<f64> =
                        x.iter().map(|x| (f64::from(*x) - f64::from(largest)).exp()).collect();
                    let total: f64 = e.iter().sum();
                    for (&found, e) in found.iter().zip(&e) {
                        let expected = e / total;
                        // The difference, at most 200, is rounded, which becomes a relative error of
                        // `e^x`. exp has an error of 2 ULP, and the sum, its reciprocal and the
                        // product are rounded.
                        let relative = f64::from(f32::EPSILON) * (scale as f64 + width as f64 + 4.0);
                        let error = (f64::from(found) - expected).abs();
                        prop_assert!(error <= relative * expected + 1e-40, "{isa:?} {found} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn equal_values_are_uniform_and_masked_rows_finite() {
        for isa in Isa::available() {
            for value in [0.0, f32::MIN, 1e30] {
                let mut x = vec![value; 40];
                softmax_rows(isa, &mut x, 20);
                assert_eq!(x, vec![1.0 / 20.0; 40]);
            }
            let mut x = [0.0, f32::MIN, f32::NEG_INFINITY];
            softmax_rows(isa, &mut x, 3);
            assert_eq!(x, [1.0, 0.0, 0.0]);
        }
    }

    #[test]
    fn one_nan_makes_its_row_nan_and_no_other() {
        for isa in Isa::available() {
            for at in [0, 7, 19, 36] {
                let mut x = values(3 * 37, 1);
                x[37 + at] = f32::NAN;
                softmax_rows(isa, &mut x, 37);
                let is_nan = |row: &[f32]| row.iter().map(|x| x.is_nan()).collect::<Vec<_>>();
                assert_eq!(is_nan(&x[..37]), [false; 37]);
                assert_eq!(is_nan(&x[37..74]), [true; 37]);
                assert_eq!(is_nan(&x[74..]), [false; 37]);
            }
        }
    }
}
