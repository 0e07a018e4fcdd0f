//! LayerNorm over rows: `y = (x - mean) / sqrt(variance + eps) * gamma + beta`, in place.
//!
//! The results can be written in bf16 too, for a product that reads bf16.
//!
//! Mean and (biased) variance come from two passes over the row, so nothing cancels. Each sum has
//! four independent chains, which are added in a fixed order.

use crate::cpu::Isa;
use crate::cpu::simd::{Op, Simd};
use half::bf16;

/// The number of independent sums: enough to hide the latency of an addition.
const CHAINS: usize = 4;

struct LayerNorm<'a> {
    x: &'a mut [f32],
    rounded: Option<&'a mut [bf16]>,
    gamma: &'a [f32],
    beta: &'a [f32],
    eps: f32,
}

/// The sum of `f(x)` over a row. The lanes after the end of the row are not added.
#[inline(always)]
fn sum_of<S: Simd>(s: S, row: &[f32], f: impl Fn(S::V) -> S::V) -> f32 {
    let mut sums = [s.zero(); CHAINS];
    let mut blocks = row.chunks_exact(CHAINS * S::LANES);
    for block in &mut blocks {
        for (sum, chunk) in sums.iter_mut().zip(block.chunks_exact(S::LANES)) {
            *sum = s.add(*sum, f(s.load_slice(chunk)));
        }
    }
    let mut chunks = blocks.remainder().chunks_exact(S::LANES);
    for (sum, chunk) in sums.iter_mut().zip(&mut chunks) {
        *sum = s.add(*sum, f(s.load_slice(chunk)));
    }
    let tail = chunks.remainder();
    if !tail.is_empty() {
        // `f` may map the absent lanes to something else than zero, so the present ones are copied
        // to an array of zeros.
        let mut lanes = [0.0; crate::cpu::simd::MAX_LANES];
        s.store_tail(&mut lanes[..tail.len()], f(s.load_tail(tail)));
        sums[0] = s.add(sums[0], s.load_slice(&lanes));
    }
    s.reduce_add(s.add(s.add(sums[0], sums[1]), s.add(sums[2], sums[3])))
}

impl Op for LayerNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { x, mut rounded, gamma, beta, eps } = self;
        let (len, width) = (gamma.len(), gamma.len() as f32);
        for (index, row) in x.chunks_exact_mut(len).enumerate() {
            let mean = s.splat(sum_of(s, row, |x| x) / width);
            let variance = sum_of(s, row, |x| {
                let centred = s.sub(x, mean);
                s.mul(centred, centred)
            }) / width;
            let scale = s.splat(1.0 / (variance + eps).sqrt());
            let normal = |x, gamma, beta| s.mul_add(s.mul(s.sub(x, mean), scale), gamma, beta);
            let mut values = row.chunks_exact_mut(S::LANES);
            let (mut gammas, mut betas) =
                (gamma.chunks_exact(S::LANES), beta.chunks_exact(S::LANES));
            for ((x, gamma), beta) in (&mut values).zip(&mut gammas).zip(&mut betas) {
                let y = normal(s.load_slice(x), s.load_slice(gamma), s.load_slice(beta));
                s.store_slice(x, y);
            }
            let x = values.into_remainder();
            let (gamma, beta) = (gammas.remainder(), betas.remainder());
            let y = normal(s.load_tail(x), s.load_tail(gamma), s.load_tail(beta));
            s.store_tail(x, y);
            if let Some(rounded) = &mut rounded {
                let to = rounded[index * len..][..len].chunks_mut(S::LANES);
                for (x, to) in row.chunks(S::LANES).zip(to) {
                    s.store_bf16_tail(to, s.load_tail(x));
                }
            }
        }
    }
}

/// Normalises every row of `x [rows, width]`, in place, with `gamma [width]` and `beta [width]`.
///
/// If `rounded [rows, width]` is given, the results are also written there in bf16.
///
/// # Panics
/// If the sizes do not agree or the width is zero.
pub fn layer_norm(
    isa: Isa,
    x: &mut [f32],
    rounded: Option<&mut [bf16]>,
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
) {
    assert_eq!(gamma.len(), beta.len(), "gamma and beta [width]");
    assert!(!gamma.is_empty() && x.len().is_multiple_of(gamma.len()), "x [rows, width]");
    assert!(rounded.as_ref().is_none_or(|rounded| rounded.len() == x.len()), "rounded");
    isa.dispatch(LayerNorm { x, rounded, gamma, beta, eps });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::bf16_bits;
    use crate::testing::values;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_reference(rows in 0usize..4, width in 1usize..200, offset in -3.0f32..3.0) {
            let x: Vec<f32> = values(rows * width, 1).iter().map(|x| x + offset).collect();
            let (gamma, beta) = (values(width, 2), values(width, 3));
            let eps = 1e-3;
            for isa in Isa::available() {
                let mut found = x.clone();
                layer_norm(isa, &mut found, None, &gamma, &beta, eps);
                for (found, x) in found.chunks(width).zip(x.chunks(width)) {
                    let n = width as f64;
                    let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
                    let variance =
                        x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
                    let scale = 1.0 / (variance + f64::from(eps)).sqrt();
                    for (i, (&found, &x)) in found.iter().zip(x).enumerate() {
                        let normal = (f64::from(x) - mean) * scale;
                        let expected = normal * f64::from(gamma[i]) + f64::from(beta[i]);
                        // The mean has the error of a chain of at most width / 8 roundings of values
                        // below 4. The scale multiplies that and the rounding of the difference.
                        let roundings = n / 8.0 + 8.0;
                        let half_ulp = f64::from(f32::EPSILON) / 2.0;
                        let bound = half_ulp * roundings * (4.0 * scale + 2.0 * normal.abs() + 1.0);
                        let error = (f64::from(found) - expected).abs();
                        prop_assert!(error <= bound, "{isa:?} {found} {expected} {bound}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_its_neighbours() {
        let (x, gamma, beta) = (values(5 * 77, 1), values(77, 2), values(77, 3));
        for isa in Isa::available() {
            let mut together = x.clone();
            let mut rounded = vec![bf16::ZERO; x.len()];
            layer_norm(isa, &mut together, Some(&mut rounded), &gamma, &beta, 1e-12);
            let expected: Vec<u16> = together.iter().map(|&x| bf16_bits::round(x)).collect();
            assert_eq!(bytemuck::cast_slice::<bf16, u16>(&rounded), expected);
            let mut alone = x.clone();
            alone.chunks_mut(77).for_each(|row| layer_norm(isa, row, None, &gamma, &beta, 1e-12));
            assert_eq!(together, alone);
        }
    }

    #[test]
    fn a_constant_row_is_beta() {
        for isa in Isa::available() {
            let mut x = vec![3.0; 37];
            let (gamma, beta) = (values(37, 4), values(37, 5));
            layer_norm(isa, &mut x, None, &gamma, &beta, 1e-12);
            // 1 / sqrt(eps) would enlarge a rounding error of the mean. But sums of small integers
            // are exact, so this mean has none.
            assert_eq!(x, beta);
        }
    }
}
