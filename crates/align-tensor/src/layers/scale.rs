//! Scaling of channels, as squeeze-excite does it: `x[pixel, channel] *= scales[channel]`.

use crate::cpu::Isa;
use crate::cpu::simd::{Op, Simd};

struct ScaleChannels<'a> {
    x: &'a mut [f32],
    scales: &'a [f32],
}

impl Op for ScaleChannels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for pixel in self.x.chunks_exact_mut(self.scales.len()) {
            let mut values = pixel.chunks_exact_mut(S::LANES);
            let mut scales = self.scales.chunks_exact(S::LANES);
            for (x, scale) in (&mut values).zip(&mut scales) {
                let scaled = s.mul(s.load_slice(x), s.load_slice(scale));
                s.store_slice(x, scaled);
            }
            let (x, scale) = (values.into_remainder(), scales.remainder());
            let scaled = s.mul(s.load_tail(x), s.load_tail(scale));
            s.store_tail(x, scaled);
        }
    }
}

/// Multiplies every pixel of `x [pixels, channels]` by `scales [channels]`, in place.
///
/// # Panics
/// If `scales` is empty or `x` does not have a whole number of pixels.
pub fn scale_channels(isa: Isa, x: &mut [f32], scales: &[f32]) {
    assert!(!scales.is_empty() && x.len().is_multiple_of(scales.len()), "x [pixels, channels]");
    isa.dispatch(ScaleChannels { x, scales });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::values;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_reference(pixels in 0usize..5, channels in 1usize..70) {
            let (x, scales) = (values(pixels * channels, 1), values(channels, 2));
            let expected: Vec<f32> =
                x.iter().enumerate().map(|(i, x)| x * scales[i % channels]).collect();
            for isa in Isa::available() {
                let mut found = x.clone();
                scale_channels(isa, &mut found, &scales);
                // Both sides round once, so they have the same bits.
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}
