use super::*;
use crate::cpu::Isa;
use crate::math::activation::Activation;
use crate::testing::values;
use crate::threads::Threads;
use proptest::prelude::*;
use std::num::NonZeroUsize;

/// The product in f64, and for each element the sum of the products' magnitudes, to which
/// rounding errors are proportional.
fn reference(
    (m, n, k): (usize, usize, usize),
    a: &[f32],
    w: &[f32],
    epilogue: Epilogue<'_>,
) -> Vec<(f64, f64)> {
    (0..m * n)
        .map(|i| {
            let (row, column) = (i / n, i % n);
            let mut sum = 0.0;
            let mut magnitude = 0.0;
            for j in 0..k {
                let product = f64::from(a[row * k + j]) * f64::from(w[column * k + j]);
                sum += product;
                magnitude += product.abs();
            }
            if let Some(bias) = epilogue.bias {
                sum += f64::from(bias[column]);
                magnitude += f64::from(bias[column]).abs();
            }
            let mut out = epilogue.activation.reference(sum);
            if let Some(residual) = epilogue.residual {
                out += f64::from(residual[i]);
                magnitude += f64::from(residual[i]).abs();
            }
            (out, magnitude)
        })
        .collect()
}

fn threads(count: usize) -> Threads {
    Threads::new(NonZeroUsize::new(count).unwrap())
}

fn product(
    isa: Isa,
    workers: usize,
    (m, n, k): (usize, usize, usize),
    a: &[f32],
    w: &[f32],
    epilogue: Epilogue<'_>,
) -> Vec<f32> {
    let packed = PackedWeights::pack(isa, w, n, k);
    let mut c = vec![f32::NAN; m * n];
    threads(workers).gather(|team| gemm(team, a, &packed, epilogue, &mut c));
    c
}

fn check((m, n, k): (usize, usize, usize), activation: Activation, residual: bool, workers: usize) {
    let (a, w) = (values(m * k, 1), values(n * k, 2));
    let (bias, rest) = (values(n, 3), values(m * n, 4));
    let epilogue = Epilogue { bias: Some(&bias), activation, residual: residual.then_some(&rest) };
    let expected = reference((m, n, k), &a, &w, epilogue);
    for isa in Isa::available() {
        let found = product(isa, workers, (m, n, k), &a, &w, epilogue);
        for (i, (&found, &(expected, magnitude))) in found.iter().zip(&expected).enumerate() {
            // Roundings: a chain of at most 512 (two for each step without fused multiply-adds), the sums of the
            // blocks, bias and residual. Each is at most half an ULP of the sum so far. Activations have slopes of at
            // most 1.13 and errors of a few ULP.
            let roundings = (2 * k.min(512) + k / 512 + 8) as f64;
            let bound = 1.2 * roundings * f64::from(f32::EPSILON) / 2.0 * (magnitude + 1e-30);
            let error = (f64::from(found) - expected).abs();
            assert!(
                error <= bound,
                "{isa:?} [{m}, {n}, {k}] element {i}: {found} instead of {expected}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn equals_the_reference(
        m in 1usize..70, n in 1usize..100, k in 1usize..80, residual: bool, workers in 1usize..4,
    ) {
        check((m, n, k), Activation::Identity, residual, workers);
    }
}

#[test]
fn equals_the_reference_with_every_activation_and_long_sums() {
    for activation in Activation::ALL {
        check((17, 50, 33), activation, true, 2);
    }
    check((3, 40, 1500), Activation::Identity, false, 2);
    check((130, 33, 513), Activation::Silu, true, 2);
}

#[test]
fn a_row_has_the_same_bits_in_any_batch_and_on_any_threads() {
    let (n, k) = (75, 700);
    let (a, w, bias) = (values(150 * k, 5), values(n * k, 6), values(n, 7));
    let epilogue = Epilogue::default().bias(&bias).activation(Activation::Gelu);
    for isa in Isa::available() {
        let all = product(isa, 1, (150, n, k), &a, &w, epilogue);
        for workers in [1, 2, 4] {
            for m in [1, 2, 13, 15, 29, 150] {
                let some = product(isa, workers, (m, n, k), &a[..m * k], &w, epilogue);
                assert_eq!(some[..], all[..m * n], "{isa:?}, {m} rows, {workers} workers");
            }
        }
    }
}

/// Many long rows are multiplied block by block, and their sums wait for the next block. A single row is not.
#[test]
fn a_long_row_has_the_same_bits_alone() {
    let (m, n, k) = (150, 75, 2500);
    let (a, w, scales) = (values(m * k, 5), values(n * k, 6), values(k, 7));
    let (bias, residual) = (values(n, 8), values(m * n, 9));
    for isa in Isa::available() {
        let packed = PackedWeights::pack(isa, &w, n, k);
        let run = |workers, rows: std::ops::Range<usize>| {
            let mut c = vec![f32::NAN; rows.len() * n];
            let epilogue = Epilogue::default().bias(&bias).activation(Activation::Gelu);
            let epilogue = epilogue.residual(&residual[rows.start * n..rows.end * n]);
            let a = Lhs::from_scaled(&a[rows.start * k..rows.end * k], &scales);
            threads(workers).gather(|team| gemm(team, a, &packed, epilogue, &mut c));
            c
        };
        for workers in [1, 3] {
            let all = run(workers, 0..m);
            for row in [0, 1, 13, 14, 77, 149] {
                assert_eq!(run(1, row..row + 1), all[row * n..][..n], "{isa:?}, row {row}");
            }
        }
    }
}

#[test]
fn special_values_pass_through() {
    for isa in Isa::available() {
        let found = product(
            isa,
            1,
            (2, 2, 2),
            &[f32::INFINITY, 1.0, f32::NAN, 1.0],
            &[1.0, 0.0, 0.0, 1.0],
            Epilogue::default(),
        );
        assert_eq!(found[0], f32::INFINITY);
        assert!(found[1].is_nan(), "inf * 0 is NaN");
        assert!(found[2].is_nan() && found[3].is_nan());
    }
}

#[test]
fn scales_fold_into_the_weights() {
    let (m, n, k) = (5, 70, 40);
    let (a, w, scales) = (values(m * k, 8), values(n * k, 9), values(k, 10));
    let scaled_w: Vec<f32> = w.iter().enumerate().map(|(i, w)| w * scales[i % k]).collect();
    for isa in Isa::available() {
        let expected = product(isa, 1, (m, n, k), &a, &scaled_w, Epilogue::default());
        let packed = PackedWeights::pack(isa, &w, n, k);
        let mut c = vec![0.0; m * n];
        threads(2).gather(|team| {
            gemm(team, Lhs::from_scaled(&a[..], &scales), &packed, Epilogue::default(), &mut c);
        });
        assert_eq!(c, expected);
    }
}
