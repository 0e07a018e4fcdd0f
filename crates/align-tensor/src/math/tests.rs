//! Every function compared with `f64`, on every instruction set: on a sample of each binade in an
//! ordinary run, and on all `2^32` arguments on request.

use super::*;
use crate::cpu::Isa;
use crate::cpu::simd::Op;
use crate::math::activation::{Activation, activate};
use crate::testing::ulp::{error_in, ulp};

/// One function, its exact values, and the error that its documentation states.
struct Claim {
    name: &'static str,
    kernel: fn(Isa, &mut [f32]),
    exact: fn(f64) -> f64,
    /// The unit of the error at an argument, and of the exact result there.
    unit: fn(x: f64, exact: f64) -> f64,
    limit: f64,
}

const CLAIMS: [Claim; 7] = [
    Claim { name: "exp", kernel: run_exp, exact: f64::exp, unit: |_, y| ulp(y), limit: 1.1 },
    Claim {
        name: "sigmoid",
        kernel: |isa, x| activate(isa, Activation::Sigmoid, x),
        exact: |x| Activation::Sigmoid.reference(x),
        unit: |x, y| if x < -87.0 { 2f64.powi(-128) } else { ulp(y) },
        limit: 2.5,
    },
    Claim {
        name: "silu",
        kernel: |isa, x| activate(isa, Activation::Silu, x),
        exact: |x| if x == f64::NEG_INFINITY { 0.0 } else { Activation::Silu.reference(x) },
        unit: |x, y| if x < -87.0 { 2f64.powi(-121) } else { ulp(y) },
        limit: 4.0,
    },
    Claim {
        name: "tanh",
        kernel: |isa, x| activate(isa, Activation::Tanh, x),
        exact: |x| Activation::Tanh.reference(x),
        unit: |_, y| ulp(y),
        limit: 1.5,
    },
    Claim {
        name: "gelu",
        kernel: |isa, x| activate(isa, Activation::Gelu, x),
        exact: |x| Activation::Gelu.reference(x),
        unit: |x, y| if x < 0.0 { ulp(y).max(x.abs() * 2f64.powi(-24)) } else { ulp(y) },
        limit: 4.0,
    },
    Claim {
        name: "gelu_tanh",
        kernel: |isa, x| activate(isa, Activation::GeluTanh, x),
        exact: |x| Activation::GeluTanh.reference(x),
        unit: |x, y| if x < -1.0 { ulp(y).max(x.abs() * 2f64.powi(-24)) } else { ulp(y) },
        limit: 3.0,
    },
    Claim {
        name: "silu_bf16",
        kernel: |isa, x| activate(isa, Activation::SiluBf16, x),
        exact: |x| Activation::SiluBf16.reference(x),
        unit: |x, y| {
            let relative = ulp(y).max(y.abs() * 2f64.powi(-12));
            if x < -87.0 { 2f64.powi(-119) } else { relative }
        },
        limit: 1.0,
    },
];

fn run_exp(isa: Isa, x: &mut [f32]) {
    struct Exp<'a>(&'a mut [f32]);
    impl Op for Exp<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            s.map_in_place(
                self.0,
                #[inline(always)]
                |x| exp(s, x),
            );
        }
    }
    isa.dispatch(Exp(x));
}

/// Arguments, and the exact result and the unit of the error at each.
struct Block {
    arguments: Vec<f32>,
    exact: Vec<f64>,
    units: Vec<f64>,
}

impl Block {
    fn new(claim: &Claim, bits: Vec<u32>) -> Self {
        let arguments: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
        let exact: Vec<f64> = arguments.iter().map(|&x| (claim.exact)(f64::from(x))).collect();
        let unit = |(&x, &y)| (claim.unit)(f64::from(x), y);
        let units = arguments.iter().zip(&exact).map(unit).collect();
        Self { arguments, exact, units }
    }

    /// The largest error of `claim`, and its argument.
    fn worst(&self, claim: &Claim, isa: Isa) -> (f64, f32) {
        let mut found = self.arguments.clone();
        (claim.kernel)(isa, &mut found);
        let mut worst = (0.0, 0.0);
        for (i, found) in found.into_iter().enumerate() {
            let error = error_in(self.units[i], found, self.exact[i]);
            if error > worst.0 {
                worst = (error, self.arguments[i]);
            }
        }
        worst
    }
}

/// Checks every claim on `blocks` of bit patterns.
fn hold(blocks: impl Iterator<Item = Vec<u32>> + Clone) {
    for claim in &CLAIMS {
        let mut worsts = vec![(0.0, 0.0); Isa::available().len()];
        for bits in blocks.clone() {
            let block = Block::new(claim, bits);
            for (isa, kept) in Isa::available().into_iter().zip(&mut worsts) {
                let found = block.worst(claim, isa);
                if found.0 > kept.0 {
                    *kept = found;
                }
            }
        }
        for (isa, (error, x)) in Isa::available().into_iter().zip(worsts) {
            println!("{} on {isa:?}: {error:.3} at {x:e}", claim.name);
            assert!(error <= claim.limit, "{} on {isa:?}: {error} at {x:e}", claim.name);
        }
    }
}

#[test]
fn errors_are_as_stated_in_every_binade() {
    // Both signs and all 256 exponents, with 257 of the 2^23 fractions each.
    hold((0..512_u32).map(|high| (0..257).map(|i| (high << 23) + i * 32_639).collect()));
    // The ranges with results that are neither saturated nor linear, ten thousand arguments a unit.
    hold(
        (-105..90)
            .map(|unit| (0..10_000).map(|i| (unit as f32 + i as f32 * 1e-4).to_bits()).collect()),
    );
}

#[test]
#[ignore = "all 2^32 arguments of seven functions take minutes"]
fn errors_are_as_stated_for_every_argument() {
    hold((0..1_u32 << 12).map(|high| (0..1 << 20).map(|low| (high << 20) | low).collect()));
}

#[test]
fn limits_are_those_of_the_functions() {
    let nan = f32::NAN;
    let inf = f32::INFINITY;
    // The result for -87 and all arguments below.
    let saturated = -1.431_856_1e-36;
    // Arguments: -inf, -huge, -0, 0, huge, inf, NaN.
    let arguments = [-inf, -1e38, -0.0, 0.0, 1e38, inf, nan];
    let expected = [
        ("exp", [0.0, 0.0, 1.0, 1.0, inf, inf, nan]),
        ("sigmoid", [0.0, 0.0, 0.5, 0.5, 1.0, 1.0, nan]),
        ("silu", [saturated, saturated, -0.0, 0.0, 1e38, inf, nan]),
        ("tanh", [-1.0, -1.0, -0.0, 0.0, 1.0, 1.0, nan]),
        ("gelu", [nan, -0.0, -0.0, 0.0, 1e38, inf, nan]),
        ("gelu_tanh", [nan, -0.0, -0.0, 0.0, 1e38, inf, nan]),
        ("silu_bf16", [nan, -0.0, -0.0, 0.0, 1e38, inf, nan]),
    ];
    for (claim, (name, expected)) in CLAIMS.iter().zip(expected) {
        assert_eq!(claim.name, name);
        for isa in Isa::available() {
            let mut got = arguments;
            (claim.kernel)(isa, &mut got);
            for ((x, got), expected) in arguments.iter().zip(got).zip(expected) {
                let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
                assert!(same, "{name}({x}) on {isa:?} is {got}, not {expected}");
            }
        }
    }
}
