//! Every method on every instruction set of this machine, compared with scalar code lane by lane.

use super::portable::Portable;
use super::*;
use crate::cpu::isa::Isa;
use crate::number::bf16_bits;
use crate::testing::ulp::ulp_error;

/// Edge cases of arithmetic: zeros, subnormals, ties, the largest numbers, infinities, NaN. They
/// fill two of the widest vectors.
const VALUES: [f32; 2 * MAX_LANES] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.499_999_97,
    8_388_607.5,
    -8_388_609.0,
    3.0e9,
    -7.25,
    1.0e-40,
    -1.0e-40,
    f32::MIN_POSITIVE,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    0.1,
    -0.3,
    std::f32::consts::PI,
    -std::f32::consts::E,
    1.000_000_1,
    0.999_999_94,
    1.0e30,
    -1.0e30,
    1.0e-30,
    -123.456,
];

/// A test whose body is compiled for every instruction set.
macro_rules! on_every_isa {
    (fn $name:ident($s:ident: $S:ident) $body:block) => {
        #[test]
        fn $name() {
            struct Case;
            impl Op for Case {
                type Output = ();

                #[inline(always)]
                fn run<$S: Simd>(self, $s: $S) $body
            }
            for isa in Isa::available() {
                isa.dispatch(Case);
            }
        }
    };
}

fn bits_of(numbers: &[bf16]) -> &[u16] {
    bytemuck::cast_slice(numbers)
}

fn lanes<S: Simd>(s: S, v: S::V) -> Vec<f32> {
    let mut lanes = vec![0.0; S::LANES];
    s.store_slice(&mut lanes, v);
    lanes
}

/// Whether both have the same bits, or both are NaN.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// Compares `vector` with `scalar` on every value.
#[track_caller]
fn hold_unary<S: Simd>(s: S, vector: impl Fn(S::V) -> S::V, scalar: impl Fn(f32) -> f32) {
    for values in VALUES.chunks_exact(S::LANES) {
        let found = lanes(s, vector(s.load_slice(values)));
        for (&a, found) in values.iter().zip(found) {
            let expected = scalar(a);
            assert!(same(found, expected), "of {a:e}: {found:e}, not {expected:e}");
        }
    }
}

/// Compares `vector` with `scalar` on every pair of values.
#[track_caller]
fn hold_binary<S: Simd>(
    s: S,
    vector: impl Fn(S::V, S::V) -> S::V,
    scalar: impl Fn(f32, f32) -> f32,
) {
    for a in VALUES {
        hold_unary(s, |b| vector(s.splat(a), b), |b| scalar(a, b));
    }
}

on_every_isa! {
    fn arithmetic_is_that_of_ieee(s: S) {
        hold_binary(s, |a, b| s.add(a, b), |a, b| a + b);
        hold_binary(s, |a, b| s.sub(a, b), |a, b| a - b);
        hold_binary(s, |a, b| s.mul(a, b), |a, b| a * b);
        hold_binary(s, |a, b| s.div(a, b), |a, b| a / b);
    }
}

on_every_isa! {
    fn max_and_min_give_the_second_operand_for_nan(s: S) {
        hold_binary(s, |a, b| s.max(a, b), |a, b| if a > b { a } else { b });
        hold_binary(s, |a, b| s.min(a, b), |a, b| if a < b { a } else { b });
    }
}

on_every_isa! {
    fn signs_are_bits(s: S) {
        hold_unary(s, |a| s.abs(a), f32::abs);
        hold_binary(s, |a, b| s.copysign(a, b), |a, b| a.abs().copysign(b));
    }
}

on_every_isa! {
    fn nothing_is_less_than_nan(s: S) {
        let (yes, no) = (s.splat(1.0), s.splat(2.0));
        hold_binary(s, |a, b| s.select_lt(a, b, yes, no), |a, b| if a < b { 1.0 } else { 2.0 });
    }
}

on_every_isa! {
    fn round_takes_ties_to_even(s: S) {
        // Adding zero clears the sign of a zero, which is not promised.
        hold_unary(s, |a| s.add(s.round(a), s.zero()), |a| a.round_ties_even() + 0.0);
    }
}

on_every_isa! {
    fn zero_and_splat_fill_all_lanes(s: S) {
        assert_eq!(lanes(s, s.zero()), vec![0.0; S::LANES]);
        assert_eq!(lanes(s, s.splat(-1.25)), vec![-1.25; S::LANES]);
    }
}

on_every_isa! {
    fn mul_add_rounds_once_or_as_its_parts(s: S) {
        let fused = s.mul_add(s.splat(1.000_000_1), s.splat(0.999_999_9), s.splat(-1.0));
        let fused = lanes(s, fused)[0] != 1.000_000_1_f32 * 0.999_999_9 - 1.0;
        assert!(fused || S::LANES == 8, "only the portable set may round twice");
        for a in VALUES {
            for b in VALUES {
                let scalar = |c| if fused { f32::mul_add(a, b, c) } else { a * b + c };
                hold_unary(s, |c| s.mul_add(s.splat(a), s.splat(b), c), scalar);
            }
        }
    }
}

on_every_isa! {
    fn reciprocals_are_within_one_ulp(s: S) {
        let normal = |x: f32| x.is_normal() && x.recip().is_normal();
        // Steps through every binade and the fractions within.
        let steps = (0..0x7f80_0000_u32).step_by(104_729).map(f32::from_bits);
        let arguments: Vec<f32> =
            steps.flat_map(|x| [x, -x]).chain(VALUES).filter(|&x| normal(x)).collect();
        let mut found = arguments.clone();
        s.map_in_place(&mut found, |a| s.recip(a));
        for (&x, &found) in arguments.iter().zip(&found) {
            let error = ulp_error(found, 1.0 / f64::from(x));
            assert!(error <= 1.0, "1 / {x:e} is {found:e}: {error} ULP");
        }
        found.copy_from_slice(&arguments);
        s.map_in_place(&mut found, |a| s.recip_normal(a));
        for (&x, &found) in arguments.iter().zip(&found) {
            let error = ulp_error(found, 1.0 / f64::from(x));
            assert!(error <= 1.0, "1 / {x:e} is {found:e}: {error} ULP");
        }
        let infinity = s.splat(f32::INFINITY);
        assert_eq!(lanes(s, s.recip(infinity)), vec![0.0; S::LANES]);
        assert!(lanes(s, s.recip(s.splat(f32::NAN))).iter().all(|x| x.is_nan()));
    }
}

on_every_isa! {
    fn ldexp_scales_through_the_whole_range(s: S) {
        let smallest = f64::from(f32::from_bits(1));
        for n in -252..=254 {
            for values in VALUES.chunks_exact(S::LANES) {
                let found = lanes(s, s.ldexp(s.load_slice(values), s.splat(n as f32)));
                for (&a, found) in values.iter().zip(found) {
                    // The product is exact in f64: the conversion rounds once.
                    let expected = (f64::from(a) * 2f64.powi(n)) as f32;
                    let close = expected.is_subnormal() || expected == 0.0;
                    let error = (f64::from(found) - f64::from(expected)).abs();
                    assert!(
                        same(found, expected) || close && error <= smallest,
                        "{a:e} * 2^{n}: {found:e}, not {expected:e}"
                    );
                }
            }
        }
    }
}

on_every_isa! {
    fn eighths_of_exponents_are_rounded_correctly(s: S) {
        for n in -1008..=1008 {
            let found = lanes(s, s.exp2_of_eighths(s.splat(ROUNDER + n as f32)));
            let expected = (f64::from(n) / 8.0).exp2() as f32;
            assert_eq!(found, vec![expected; S::LANES], "2^({n}/8)");
        }
    }
}

on_every_isa! {
    fn floors_split_and_scale(s: S) {
        let (zero, infinity) = (vec![0.0; S::LANES], vec![f32::INFINITY; S::LANES]);
        for quarter in -640..=640 {
            let n = quarter as f32 / 4.0;
            assert_eq!(lanes(s, s.fraction(s.splat(n))), vec![n - n.floor(); S::LANES], "{n}");
            let found = lanes(s, s.scale_by_floor(s.splat(1.5), s.splat(n)));
            assert_eq!(found, lanes(s, s.ldexp(s.splat(1.5), s.splat(n.floor()))), "{n}");
        }
        for n in [161.0, 1e30, f32::INFINITY] {
            assert_eq!(lanes(s, s.scale_by_floor(s.splat(1.5), s.splat(n))), infinity);
            assert_eq!(lanes(s, s.scale_by_floor(s.splat(1.5), s.splat(-n))), zero);
            for n in [n, -n] {
                assert!(lanes(s, s.fraction(s.splat(n))).iter().all(|f| (0.0..1.0).contains(f)));
            }
        }
    }
}

on_every_isa! {
    fn estimates_of_reciprocals_have_fourteen_bits(s: S) {
        // Steps through every binade from 2^-126 to 2^126.
        let steps = (0x0080_0000..0x7e80_0000_u32).step_by(104_729).map(f32::from_bits);
        let arguments: Vec<f32> = steps.collect();
        let mut found = arguments.clone();
        s.map_in_place(&mut found, |a| s.recip_estimate(a));
        for (x, found) in arguments.into_iter().zip(found) {
            let error = (f64::from(found) * f64::from(x) - 1.0).abs();
            assert!(error <= 2f64.powi(-14), "1 / {x:e} is {found:e}");
        }
        assert_eq!(lanes(s, s.recip_estimate(s.splat(f32::INFINITY))), vec![0.0; S::LANES]);
    }
}

on_every_isa! {
    fn bf16_rounds_splits_and_joins_by_its_rules(s: S) {
        // Every upper half, so every exponent, NaN and infinity; lower halves around the ties.
        for lower in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
            for first in (0..=u16::MAX).step_by(S::LANES) {
                let bits = |lane: usize| (u32::from(first) + lane as u32) << 16 | lower;
                let values: Vec<f32> = (0..S::LANES).map(|i| f32::from_bits(bits(i))).collect();
                let mut halves = vec![bf16::ZERO; S::LANES];
                // SAFETY: there is one half for each lane.
                unsafe {
                    let rounded = s.round_bf16(s.load_slice(&values));
                    s.store_upper_halves(halves.as_mut_ptr(), rounded);
                    let rounded = lanes(s, rounded);
                    assert!(rounded.iter().all(|x| x.to_bits() & 0xffff == 0));
                }
                let expected: Vec<u16> = values.iter().map(|&x| bf16_bits::round(x)).collect();
                assert_eq!(bits_of(&halves), expected);
                halves.fill(bf16::ZERO);
                // SAFETY: as before.
                unsafe { s.store_bf16(halves.as_mut_ptr(), s.load_slice(&values)) };
                assert_eq!(bits_of(&halves), expected);
                let widened = lanes(s, s.load_bf16_tail(&halves)).into_iter().map(f32::to_bits);
                assert!(widened.zip(&expected).all(|(x, &half)| x == u32::from(half) << 16));
                let [low, high] = s.widen_pairs(s.load_slice(&values)).map(|v| lanes(s, v));
                for (lane, (low, high)) in low.into_iter().zip(high).enumerate() {
                    assert_eq!(low.to_bits(), bits(lane) << 16);
                    assert_eq!(high.to_bits(), bits(lane) & 0xffff_0000);
                }
            }
        }
    }
}

on_every_isa! {
    fn tails_of_bf16_read_zeros_and_write_nothing_behind_the_end(s: S) {
        let halves: Vec<bf16> = (1..=S::LANES).map(|i| bf16::from_bits(bf16_bits::round(i as f32))).collect();
        for n in 0..=S::LANES {
            let found = s.load_bf16_tail(&halves[..n]);
            let expected = (1..=S::LANES).map(|i| if i <= n { i as f32 } else { 0.0 });
            assert_eq!(lanes(s, found), expected.collect::<Vec<_>>());
            let mut written = vec![bf16::from_bits(0xffff); S::LANES];
            s.store_bf16_tail(&mut written[..n], found);
            assert_eq!(bits_of(&written[..n]), bits_of(&halves[..n]));
            assert!(bits_of(&written[n..]).iter().all(|&bits| bits == 0xffff));
        }
    }
}

on_every_isa! {
    fn sums_halve(s: S) {
        let values: Vec<f32> = (0..S::LANES).map(|i| (i as f32 + 0.1).powi(5)).collect();
        let mut sums = values.clone();
        while sums.len() > 1 {
            let high = sums.split_off(sums.len() / 2);
            sums.iter_mut().zip(high).for_each(|(low, high)| *low += high);
        }
        assert_eq!(s.reduce_add(s.load_slice(&values)), sums[0]);
    }
}

on_every_isa! {
    fn the_largest_lane_is_found_wherever_it_is(s: S) {
        for at in 0..S::LANES {
            let mut values: Vec<f32> = (0..S::LANES).map(|i| -1.0 - i as f32).collect();
            values[at] = -0.5;
            assert_eq!(s.reduce_max(s.load_slice(&values)), -0.5);
        }
        let lowest = s.splat(f32::NEG_INFINITY);
        assert_eq!(s.reduce_max(lowest), f32::NEG_INFINITY);
    }
}

on_every_isa! {
    fn tails_read_zeros_and_write_nothing_behind_the_end(s: S) {
        let values: Vec<f32> = (1..=S::LANES).map(|i| i as f32).collect();
        for n in 0..=S::LANES {
            let mut expected = values.clone();
            expected[n..].fill(0.0);
            // A slice of its own, so that reading past its end would leave the allocation.
            let tail = values[..n].to_vec();
            assert_eq!(lanes(s, s.load_tail(&tail)), expected);

            let mut written = vec![-1.0; S::LANES + 1];
            s.store_tail(&mut written[..n], s.load_slice(&values));
            assert_eq!(written[..n], values[..n]);
            assert!(written[n..].iter().all(|&x| x == -1.0));
        }
    }
}

on_every_isa! {
    fn loads_and_stores_ask_no_alignment(s: S) {
        let values: Vec<f32> = (0..2 * S::LANES).map(|i| i as f32).collect();
        for offset in 0..S::LANES {
            let expected = &values[offset..][..S::LANES];
            assert_eq!(lanes(s, s.load_slice(&values[offset..])), expected);
            let mut written = vec![-1.0; 2 * S::LANES];
            s.store_slice(&mut written[offset..], s.load_slice(expected));
            assert_eq!(&written[offset..][..S::LANES], expected);
            assert!(written[..offset].iter().chain(&written[offset + S::LANES..]).all(|&x| x == -1.0));
        }
    }
}

on_every_isa! {
    fn every_half_precision_value_is_widened_exactly(s: S) {
        let all: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
        for (values, offset) in all.chunks_exact(S::LANES).zip((0..S::LANES).cycle()) {
            let mut shifted = vec![f16::ONE; offset];
            shifted.extend(values);
            // SAFETY: `LANES` values follow `offset`.
            let found = lanes(s, unsafe { s.load_f16(shifted.as_ptr().add(offset)) });
            for (found, value) in found.into_iter().zip(values) {
                assert!(same(found, value.to_f32_const()), "{value:?} {found}");
            }
            // SAFETY: `offset < LANES` values follow.
            let found = lanes(s, unsafe { s.load_f16_first(values.as_ptr(), offset) });
            for (i, found) in found.into_iter().enumerate() {
                let expected = if i < offset { values[i].to_f32_const() } else { 0.0 };
                assert!(same(found, expected), "{i} of {offset}: {found}, not {expected}");
            }
        }
    }
}

on_every_isa! {
    fn map_in_place_reaches_every_value_once(s: S) {
        for len in 0..4 * MAX_LANES {
            let mut x: Vec<f32> = (0..len).map(|i| i as f32).collect();
            s.map_in_place(&mut x, |x| s.add(x, s.splat(1.0)));
            assert!(x.iter().enumerate().all(|(i, &x)| x == i as f32 + 1.0));
        }
    }
}

// The methods that check these are shared by all instruction sets.

#[test]
#[should_panic(expected = "x.len() >= Self::LANES")]
fn a_short_slice_is_not_loaded() {
    Portable.load_slice(&[0.0; Portable::LANES - 1]);
}

#[test]
#[should_panic(expected = "x.len() >= Self::LANES")]
fn nothing_is_stored_to_a_short_slice() {
    Portable.store_slice(&mut [0.0; Portable::LANES - 1], Portable.zero());
}

#[test]
#[should_panic(expected = "x.len() <= Self::LANES")]
fn a_long_tail_is_not_loaded() {
    Portable.load_tail(&[0.0; Portable::LANES + 1]);
}

#[test]
#[should_panic(expected = "x.len() <= Self::LANES")]
fn nothing_is_stored_to_a_long_tail() {
    Portable.store_tail(&mut [0.0; Portable::LANES + 1], Portable.zero());
}
