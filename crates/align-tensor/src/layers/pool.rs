//! Pooling over all pixels of an NHWC map: the mean or the largest value of each channel.
//!
//! `out[c] = (sum over pixels of x[pixel, c]) / pixels`, or the maximum. The pixels of a channel are
//! added in order. (The compiler vectorises the maximum, so it needs no kernel.)

use crate::cpu::Isa;
use crate::cpu::simd::{Op, Simd};

struct MeanPool<'a> {
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Op for MeanPool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { x, out } = self;
        let channels = out.len();
        let pixels = s.splat((x.len() / channels) as f32);
        for (i, out) in out.chunks_mut(S::LANES).enumerate() {
            let mut sum = s.zero();
            for pixel in x.chunks_exact(channels) {
                sum = s.add(sum, s.load_tail(&pixel[i * S::LANES..][..out.len()]));
            }
            s.store_tail(out, s.div(sum, pixels));
        }
    }
}

fn check(x: &[f32], channels: usize, out: &[f32]) {
    assert_eq!(out.len(), channels, "out [channels]");
    assert!(
        channels > 0 && !x.is_empty() && x.len().is_multiple_of(channels),
        "x [pixels, channels]"
    );
}

/// The mean of each channel of `x [pixels, channels]`.
///
/// # Panics
/// If there is no pixel, or the sizes do not agree.
pub fn mean_pool(isa: Isa, x: &[f32], channels: usize, out: &mut [f32]) {
    check(x, channels, out);
    isa.dispatch(MeanPool { x, out });
}

/// The largest value of each channel of `x [pixels, channels]`, or NaN if one of its values is NaN.
///
/// # Panics
/// If there is no pixel, or the sizes do not agree.
pub fn max_pool(x: &[f32], channels: usize, out: &mut [f32]) {
    check(x, channels, out);
    let mut pixels = x.chunks_exact(channels);
    out.copy_from_slice(pixels.next().expect("a pixel"));
    for pixel in pixels {
        for (largest, &x) in out.iter_mut().zip(pixel) {
            // A NaN replaces any number, and no number is greater than NaN.
            if x > *largest || x.is_nan() {
                *largest = x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::values;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_the_reference(pixels in 1usize..40, channels in 1usize..50) {
            let x = values(pixels * channels, 1);
            for isa in Isa::available() {
                let (mut mean, mut max) = (vec![0.0; channels], vec![0.0; channels]);
                mean_pool(isa, &x, channels, &mut mean);
                max_pool(&x, channels, &mut max);
                for c in 0..channels {
                    let pixel = |p| x[p * channels + c];
                    let sum: f64 = (0..pixels).map(|p| f64::from(pixel(p))).sum();
                    // At most one rounding for each pixel, of sums below `pixels`, and one of the
                    // division.
                    let bound = (pixels + 1) as f64 * f64::from(f32::EPSILON) / 2.0;
                    prop_assert!((f64::from(mean[c]) - sum / pixels as f64).abs() <= bound);
                    let largest = (0..pixels).map(pixel).fold(f32::NEG_INFINITY, f32::max);
                    prop_assert_eq!(max[c], largest);
                }
            }
        }
    }

    #[test]
    fn the_maximum_keeps_nan_and_infinities() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        for (pixels, expected) in [
            ([1.0, nan, 2.0], nan),
            ([nan, 1.0, 2.0], nan),
            ([1.0, 2.0, nan], nan),
            ([inf, nan, 1.0], nan),
            ([inf, 1.0, 2.0], inf),
            ([-inf, -inf, -inf], -inf),
        ] {
            let mut out = [0.0];
            max_pool(&pixels, 1, &mut out);
            assert!(out[0] == expected || (out[0].is_nan() && expected.is_nan()), "{pixels:?}");
        }
    }
}
