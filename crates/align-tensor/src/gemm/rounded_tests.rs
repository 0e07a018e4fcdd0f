//! Tests of products of rounded operands.
//!
//! A scalar oracle rounds its operands as the kernels do. Products must equal it to the bit, on every instruction set and
//! with every unit. The oracle itself is compared with `f64`.

use super::*;
use crate::cpu::Isa;
#[cfg(target_arch = "x86_64")]
use crate::cpu::IsaName;
#[cfg(target_arch = "x86_64")]
use crate::cpu::amx::emulated::Emulated;
use crate::cpu::unit::Unit;
use crate::gemm::kernel::Kernel;
use crate::math::activation::Activation;
use crate::number::quantize::quantize;
use crate::number::sizes::piece;
use crate::number::{Numbers, NumbersMut, Precision, bf16_bits};
use crate::testing::values;
use crate::threads::Threads;
use half::bf16;
use proptest::prelude::*;
use std::num::NonZeroUsize;

const ROUNDED: [Precision; 3] = [Precision::Bf16x3, Precision::Bf16, Precision::Int8];

/// Every instruction set and unit of this machine, with emulated AMX tiles.
fn kernels(precision: Precision) -> Vec<(Isa, Kernel)> {
    let mut kernels = Vec::new();
    for isa in Isa::available() {
        let mut units = vec![Unit::Fma];
        let native = isa.bf16_unit();
        if !matches!(native, Unit::Fma) {
            units.push(native);
        }
        #[cfg(target_arch = "x86_64")]
        if isa.name() == IsaName::Avx512 {
            units.push(Unit::EmulatedTiles(Emulated));
        }
        kernels.extend(units.into_iter().map(|unit| (isa, Kernel { precision, unit })));
    }
    kernels
}

/// A product to be tested: sizes, operands, epilogue.
struct Case {
    m: usize,
    n: usize,
    k: usize,
    a: Vec<f32>,
    w: Vec<f32>,
    bias: Vec<f32>,
    residual: Option<Vec<f32>>,
    /// `[groups, k]`.
    scales: Vec<f32>,
}

impl Case {
    fn new(m: usize, n: usize, k: usize) -> Self {
        let (a, w) = (values(m * k, 1), values(n * k, 2));
        Self { m, n, k, a, w, bias: values(n, 3), residual: None, scales: Vec::new() }
    }

    fn packed(&self, isa: Isa, kernel: Kernel) -> PackedWeights {
        let Self { n, k, .. } = *self;
        let row = |row: usize, to: &mut [f32]| to.copy_from_slice(&self.w[row * k..][..k]);
        PackedWeights::pack_with(isa, kernel, n, k, row)
    }

    /// Rounds the rows of the lhs in place and returns them in bf16.
    fn round_rows(&mut self) -> Vec<bf16> {
        let bits: Vec<u16> = self.a.iter().map(|&x| bf16_bits::round(x)).collect();
        self.a = bits.iter().map(|&bits| bf16_bits::widen(bits)).collect();
        bytemuck::cast_vec(bits)
    }

    fn run(&self, isa: Isa, kernel: Kernel, workers: usize) -> Vec<f32> {
        let Self { m, n, .. } = *self;
        let weights = self.packed(isa, kernel);
        let mut c = vec![f32::NAN; m * n];
        let residual = self.residual.as_deref();
        let epilogue = Epilogue { residual, ..Epilogue::default().bias(&self.bias) };
        Threads::new(NonZeroUsize::new(workers).unwrap()).gather(|team| {
            let inputs = Lhs::from_scaled(&self.a[..], &self.scales);
            gemm(team, inputs, &weights, epilogue, &mut c);
        });
        c
    }

    /// Row `i` of the lhs, scaled.
    fn lhs_row(&self, i: usize) -> Vec<f32> {
        let Self { m, k, .. } = *self;
        let groups = self.scales.len() / k;
        let group = m.checked_div(groups).map(|rows| i / rows);
        let scale = |j| group.map_or(1.0, |group| self.scales[group * k + j]);
        (0..k).map(|j| self.a[i * k + j] * scale(j)).collect()
    }

    /// The product by scalar code, in the order of additions that vectors or AMX tiles use.
    fn oracle(&self, precision: Precision, tiles: bool) -> Vec<f32> {
        let Self { m, n, k, .. } = *self;
        let parts = |x: &[f32]| -> Vec<[f32; 2]> {
            let split = |&x: &f32| match precision {
                Precision::Bf16x3 => bf16_bits::split(x).map(bf16_bits::widen),
                _ => [bf16_bits::widen(bf16_bits::round(x)), 0.0],
            };
            let mut parts: Vec<_> = x.iter().map(split).collect();
            parts.resize(k.next_multiple_of(if tiles { 32 } else { 2 }), [0.0; 2]);
            parts
        };
        let mut integers = vec![0; k];
        let mut out = Vec::new();
        for i in 0..m {
            let a = parts(&self.lhs_row(i));
            for j in 0..n {
                let row = &self.w[j * k..][..k];
                let (b, scale) = if precision == Precision::Int8 {
                    let scale = quantize(row, &mut integers);
                    let row: Vec<f32> = integers.iter().map(|&q| f32::from(q)).collect();
                    (parts(&row), scale)
                } else {
                    (parts(row), 1.0)
                };
                let sum = if tiles { tile_chain } else { chain };
                let mut v = sum(&a, &b, precision) * scale + self.bias[j];
                if let Some(residual) = &self.residual {
                    v += residual[i * n + j];
                }
                out.push(v);
            }
        }
        out
    }

    fn check(&self, workers: usize) {
        for precision in ROUNDED {
            let expected = [false, true].map(|tiles| self.oracle(precision, tiles));
            for (isa, kernel) in kernels(precision) {
                let expected = &expected[usize::from(kernel.unit.is_tiles())];
                let found = self.run(isa, kernel, workers);
                let Self { m, n, k, .. } = self;
                assert_eq!(&found, expected, "{isa:?} {kernel:?} [{m}, {n}, {k}]");
            }
        }
    }
}

/// The sum over `k` as vectors compute it: pairs in equal blocks of at most 256. In a pair the second numbers come first,
/// and small terms come before large ones.
fn chain(a: &[[f32; 2]], b: &[[f32; 2]], precision: Precision) -> f32 {
    let steps = a.len() / 2;
    let blocks = steps.div_ceil(256);
    let mut total = None;
    for block in 0..blocks {
        let mut sum = 0.0f32;
        for step in piece(steps, block, blocks) {
            let mut add = |left: usize, right: usize| {
                sum = a[2 * step + 1][left].mul_add(b[2 * step + 1][right], sum);
                sum = a[2 * step][left].mul_add(b[2 * step][right], sum);
            };
            if precision == Precision::Bf16x3 {
                add(1, 0);
                add(0, 1);
            }
            add(0, 0);
        }
        total = Some(total.map_or(sum, |total: f32| total + sum));
    }
    total.unwrap()
}

/// The sum as AMX tiles compute it: 32 values at a time. Values of even and of odd `k` are summed separately, then both are
/// added to the sum. The order of the parts is `low * high`, `high * high`, `high * low`.
fn tile_chain(a: &[[f32; 2]], b: &[[f32; 2]], precision: Precision) -> f32 {
    let products: &[(usize, usize)] = match precision {
        Precision::Bf16x3 => &[(1, 0), (0, 0), (0, 1)],
        _ => &[(0, 0)],
    };
    let mut sum = 0.0;
    for (a, b) in a.chunks(32).zip(b.chunks(32)) {
        for &(left, right) in products {
            let half = |parity: usize| {
                (parity..32).step_by(2).fold(0.0f32, |sum, k| a[k][left].mul_add(b[k][right], sum))
            };
            sum += half(0) + half(1);
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn equal_the_oracle_to_the_bit(
        m in 1usize..50, n in 1usize..80, k in 1usize..90, residual: bool, workers in 1usize..4,
    ) {
        let mut case = Case::new(m, n, k);
        case.residual = residual.then(|| values(m * n, 4));
        case.check(workers);
    }

    #[test]
    fn inputs_are_scaled_before_they_are_rounded(
        groups in 1usize..4, rows in 1usize..20, n in 1usize..40, k in 1usize..70,
    ) {
        let mut case = Case::new(groups * rows, n, k);
        case.scales = values(groups * k, 5);
        case.check(2);
    }
}

#[test]
fn long_sums_are_cut_alike() {
    for k in [511, 512, 513, 514, 1025, 1500] {
        Case::new(16, 33, k).check(2);
    }
    Case::new(200, 70, 640).check(2);
    // `LoopOrder::BlocksOutside`.
    Case::new(150, 40, 1300).check(2);
}

/// More rows than one task packs, and groups that end within a task's rows.
#[test]
fn rows_that_tasks_share_are_scaled_by_their_own_group() {
    let (m, k, groups) = (150, 500, 3);
    let mut case = Case::new(m, 70, k);
    case.scales = values(groups * k, 5);
    case.check(2);
}

/// A kernel can read rows of bf16 in place if they consist of whole pairs or tiles, at any pitch. AMX reads 32 rows, so the
/// last rows are copied for it. The results are those of the same numbers in `f32`, rounded when they are stored.
#[test]
fn rows_and_results_may_be_kept_in_bf16() {
    for (m, n, k, gap) in
        [(70, 40, 64, 0), (90, 33, 96, 2), (40, 35, 48, 1), (33, 20, 31, 0), (5, 64, 32, 6)]
    {
        let mut case = Case::new(m, n, k);
        let halves = case.round_rows();
        let apart: Vec<bf16> = halves
            .chunks_exact(k)
            .flat_map(|row| [row, &vec![bf16::from_bits(0x7fc0); gap]].concat())
            .collect();
        for (isa, kernel) in ROUNDED.into_iter().flat_map(kernels) {
            for workers in [1, 2] {
                let exact = case.run(isa, kernel, workers);
                let weights = case.packed(isa, kernel);
                let mut found = vec![bf16::ZERO; m * n];
                Threads::new(NonZeroUsize::new(workers).unwrap()).gather(|team| {
                    let epilogue = Epilogue::default().bias(&case.bias);
                    let rows = Lhs::from_pitched(Numbers::Bf16(&apart), k + gap);
                    gemm(team, rows, &weights, epilogue, NumbersMut::Bf16(&mut found));
                });
                let rounded: Vec<u16> = exact.into_iter().map(bf16_bits::round).collect();
                let found: &[u16] = bytemuck::cast_slice(&found);
                assert_eq!(found, rounded, "{isa:?} {kernel:?} [{m}, {n}, {k}]");
            }
        }
    }
}

#[test]
fn rows_in_bf16_are_scaled_and_rounded_again() {
    let (m, k, groups) = (40, 64, 2);
    let mut case = Case::new(m, 35, k);
    let halves = case.round_rows();
    case.scales = values(groups * k, 5);
    for (isa, kernel) in ROUNDED.into_iter().flat_map(kernels) {
        let weights = case.packed(isa, kernel);
        let mut found = vec![f32::NAN; m * case.n];
        Threads::single().gather(|team| {
            let rows = Lhs::from_scaled(Numbers::Bf16(&halves), &case.scales);
            gemm(team, rows, &weights, Epilogue::default().bias(&case.bias), &mut found);
        });
        assert_eq!(found, case.run(isa, kernel, 1), "{isa:?} {kernel:?}");
    }
}

#[test]
fn activations_follow_the_scales_and_the_bias() {
    let case = Case::new(9, 40, 24);
    for precision in ROUNDED {
        for (isa, kernel) in kernels(precision) {
            let expected = case.oracle(precision, kernel.unit.is_tiles());
            let weights = case.packed(isa, kernel);
            let mut found = vec![f32::NAN; 9 * 40];
            let epilogue = Epilogue::default().bias(&case.bias).activation(Activation::Relu);
            gemm_on_this_thread(&case.a, &weights, epilogue, &mut found);
            let expected: Vec<f32> = expected.iter().map(|x| x.max(0.0)).collect();
            assert_eq!(found, expected);
        }
    }
}

/// The error of the oracle's arithmetic against the exact product of its inputs.
#[test]
fn the_error_is_that_of_the_rounding_model() {
    let case = Case::new(12, 40, 700);
    for (precision, tiles) in ROUNDED.into_iter().flat_map(|p| [(p, false), (p, true)]) {
        let found = case.oracle(precision, tiles);
        let mut largest_share = 0.0f64;
        for (i, &found) in found.iter().enumerate() {
            let (row, column) = (i / case.n, i % case.n);
            let pairs = || {
                let row = case.a[row * case.k..][..case.k].iter();
                row.zip(&case.w[column * case.k..][..case.k])
                    .map(|(&a, &w)| (f64::from(a), f64::from(w)))
            };
            let exact = pairs().map(|(a, w)| a * w).sum::<f64>() + f64::from(case.bias[column]);
            let magnitude: f64 = pairs().map(|(a, w)| (a * w).abs()).sum();
            let inputs: f64 = pairs().map(|(a, _)| a.abs()).sum();
            let bf16 = 2f64.powi(-8);
            // The error of each product. bf16: both operands are rounded. bf16x3: what the three products leave out (see
            // `Precision::Bf16x3`). int8: an integer is off by at most half a step, and a step is 1/127 of the row's
            // largest weight, which is below one here.
            let rounding = match precision {
                Precision::Bf16 => (2.0 * bf16 + bf16 * bf16) * magnitude,
                Precision::Bf16x3 => 3.0 * bf16 * bf16 * magnitude,
                _ => bf16 * magnitude + (1.0 + bf16) * inputs * 0.5 / 127.0,
            };
            // The error of the sums: one rounding for each product of a block (three in a step of bf16x3), for each
            // block, for the scale and for the bias.
            let roundings = (3 * 512 + 8) as f64;
            let sums = roundings * f64::from(f32::EPSILON) / 2.0 * (magnitude + 1.0);
            let error = (f64::from(found) - exact).abs();
            assert!(error <= rounding + sums, "{precision} {i}: {found} instead of {exact}");
            largest_share = largest_share.max(error / rounding);
        }
        // The errors of 700 products cancel only in part.
        assert!(largest_share > 0.002, "{precision}: {largest_share} of the bound");
    }
}

#[test]
fn integers_pack_as_the_weights_that_they_stand_for() {
    let (n, k) = (45, 37);
    let w = values(n * k, 7);
    let mut integers = vec![0; n * k];
    let rows = w.chunks_exact(k).zip(integers.chunks_exact_mut(k));
    let scales: Vec<f32> = rows.map(|(row, to)| quantize(row, to)).collect();
    for isa in Isa::available() {
        let a = values(5 * k, 8);
        let [mut once, mut stored] = [vec![0.0; 5 * n], vec![0.0; 5 * n]];
        let packed = PackedWeights::pack_as(isa, Precision::Int8, &w, n, k);
        gemm_on_this_thread(&a, &packed, Epilogue::default(), &mut once);
        let packed = PackedWeights::pack_quantized(isa, &integers, scales.clone(), k);
        gemm_on_this_thread(&a, &packed, Epilogue::default(), &mut stored);
        assert_eq!(once, stored);
    }
}

#[test]
fn quantization_keeps_zeros_extremes_and_damage() {
    let mut to = [9; 4];
    assert_eq!((quantize(&[0.0, -0.0, 0.0, 0.0], &mut to), to), (0.0, [0; 4]));
    assert_eq!((quantize(&[1.0, -2.0, 0.5, 0.004], &mut to), to), (2.0 / 127.0, [64, -127, 32, 0]));
    let smallest = f32::from_bits(1);
    quantize(&[smallest, -smallest, 0.0, 60.0 * smallest], &mut to);
    assert!(to.iter().all(|&q| (-127..=127).contains(&q)));
    for damage in [f32::NAN, f32::INFINITY] {
        assert!(quantize(&[1.0, damage, 0.0, 0.0], &mut to).is_nan());
    }
}

#[test]
fn what_is_no_number_passes_through() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for precision in ROUNDED {
        for (isa, kernel) in kernels(precision) {
            let mut case = Case::new(4, 2, 3);
            case.a = vec![inf, 1.0, 2.0, nan, 1.0, 2.0, 1.0, -inf, 2.0, f32::MAX, 0.0, 0.0];
            case.w = vec![1.0, 0.5, 0.25, 0.0, 0.0, -1.0];
            let found = case.run(isa, kernel, 1);
            // If there are two parts, infinity is multiplied by a low part of zero.
            let infinity = |x: f32, expected: f32| {
                let as_it_is =
                    if precision == Precision::Bf16x3 { x.is_nan() } else { x == expected };
                assert!(as_it_is, "{isa:?} {kernel:?}: {x}");
            };
            infinity(found[0], inf);
            assert!(found[1].is_nan(), "inf * 0 is NaN");
            assert!(found[2].is_nan() && found[3].is_nan());
            infinity(found[4], -inf);
            // Half a step above the largest bf16.
            infinity(found[6], inf);
        }
    }
}

/// The known differences: AVX512-BF16 flushes a subnormal sum to zero, and the portable set rounds a subnormal product.
#[test]
fn subnormals_make_a_difference_below_the_smallest_normal_number() {
    let tiny = 2f32.powi(-70);
    for precision in [Precision::Bf16x3, Precision::Bf16] {
        for (isa, kernel) in kernels(precision) {
            let run = |a: f32, w: f32| {
                let mut case = Case::new(1, 1, 1);
                (case.a, case.w, case.bias) = (vec![a], vec![w], vec![0.0]);
                case.run(isa, kernel, 1)[0]
            };
            // Subnormal operands are flushed to zero on every unit.
            assert_eq!(run(1e-40, 1e30), 0.0, "{isa:?} {kernel:?}");
            assert_eq!(run(1e30, 1e-40), 0.0);
            let flushed = !matches!(kernel.unit, Unit::Fma);
            assert_eq!(run(tiny, tiny), if flushed { 0.0 } else { tiny * tiny });
        }
    }
}

#[test]
fn a_row_has_the_same_bits_in_any_batch_and_on_any_threads() {
    for precision in ROUNDED {
        for (isa, kernel) in kernels(precision) {
            let all = Case::new(150, 75, 700);
            let expected = all.run(isa, kernel, 1);
            for workers in [1, 2, 4] {
                for m in [1, 2, 13, 29] {
                    let some = Case { a: all.a[..m * 700].to_vec(), ..Case::new(m, 75, 700) };
                    let found = some.run(isa, kernel, workers);
                    assert_eq!(found[..], expected[..m * 75], "{isa:?} {kernel:?} {m} {workers}");
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "products of f32 read f32")]
fn f32_products_do_not_read_bf16() {
    let packed = PackedWeights::pack(Isa::best(), &[1.0; 2], 1, 2);
    gemm_on_this_thread(
        Numbers::Bf16(&[bf16::ZERO; 4]),
        &packed,
        Epilogue::default(),
        &mut [0.0; 2],
    );
}

#[test]
#[should_panic(expected = "one group")]
fn f32_rows_are_not_scaled_by_groups() {
    let packed = PackedWeights::pack(Isa::best(), &[1.0; 2], 1, 2);
    gemm_on_this_thread(
        Lhs::from_scaled(&[1.0; 4][..], &[1.0; 4]),
        &packed,
        Epilogue::default(),
        &mut [0.0; 2],
    );
}
