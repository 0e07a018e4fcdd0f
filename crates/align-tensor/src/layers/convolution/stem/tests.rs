use super::*;
use crate::forward::Profile;
use crate::memory::Arena;
use crate::testing::values;
use crate::threads::Threads;
use proptest::prelude::*;
use std::num::NonZeroUsize;

/// The convolution in f64, NHWC, and for each output the sum of the products' magnitudes.
fn reference(
    image: &[f32],
    (inputs, height, width): (usize, usize, usize),
    weights: &[f32],
    bias: &[f32],
) -> Vec<(f64, f64)> {
    let pixel = |c, y, x| {
        if y < height && x < width { f64::from(image[(c * height + y) * width + x]) } else { 0.0 }
    };
    let mut out = Vec::new();
    for y in 0..Stem::output_len(height) {
        for x in 0..Stem::output_len(width) {
            for (o, &bias) in bias.iter().enumerate() {
                let (mut sum, mut magnitude) = (f64::from(bias), f64::from(bias).abs());
                for tap in 0..inputs * 9 {
                    let (c, ky, kx) = (tap / 9, tap / 3 % 3, tap % 3);
                    let product =
                        pixel(c, 2 * y + ky, 2 * x + kx) * f64::from(weights[o * inputs * 9 + tap]);
                    sum += product;
                    magnitude += product.abs();
                }
                out.push((sum, magnitude));
            }
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn equals_the_reference(
        inputs in 1usize..5,
        height in 2usize..20,
        width in 2usize..20,
        channels in 1usize..70,
        workers in 1usize..4,
    ) {
        let image = values(inputs * height * width, 1);
        let weights = values(channels * inputs * 9, 2);
        let bias = values(channels, 3);
        let expected = reference(&image, (inputs, height, width), &weights, &bias);
        for isa in Isa::available() {
            let stem = Stem::new(isa, &weights, bias.clone(), inputs, Activation::Identity);
            let mut out = vec![f32::NAN; expected.len()];
            let size = stem.arena_size(workers, width);
            let (mut arena, profile) = (Arena::full_of_nan(size), Profile::default());
            Threads::new(NonZeroUsize::new(workers).unwrap()).gather(|team| {
                let mut forward = Forward::new(team, arena.open(size), &profile);
                stem.run(&mut forward, &image, (height, width), &mut out);
            });
            // Without fused multiply-adds, two roundings for each product, and one for the bias.
            let roundings = (2 * inputs * 9 + 1) as f64;
            for (&found, &(expected, magnitude)) in out.iter().zip(&expected) {
                let bound = roundings * f64::from(f32::EPSILON) / 2.0 * magnitude;
                prop_assert!((f64::from(found) - expected).abs() <= bound, "{isa:?}");
            }
        }
    }
}

#[test]
fn pads_below_and_to_the_right_only() {
    assert_eq!([1, 2, 3, 4, 289, 600].map(Stem::output_len), [0, 1, 1, 2, 144, 300]);
}
