use super::*;
use crate::forward::Profile;
use crate::gemm::kernel::Kernel;
use crate::gemm::{Epilogue, gemm_on_this_thread};
use crate::memory::Arena;
use crate::number::bf16_bits;
use crate::testing::values;
use crate::threads::Threads;
use half::bf16;
use proptest::prelude::*;
use std::num::NonZeroUsize;

/// A block's sizes.
#[derive(Clone, Copy, Debug)]
struct Case {
    images: usize,
    height: usize,
    width: usize,
    /// `None` if there is no expansion.
    inputs: Option<usize>,
    channels: usize,
    geometry: DepthwiseGeometry,
    activation: Activation,
}

struct Weights {
    expand: Vec<f32>,
    expand_bias: Vec<f32>,
    depthwise: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn inputs(&self) -> usize {
        self.inputs.unwrap_or(self.channels)
    }

    fn input(&self) -> Vec<f32> {
        values(self.images * self.height * self.width * self.inputs(), 1)
    }

    fn weights(&self) -> Weights {
        let taps = self.geometry.kernel * self.geometry.kernel;
        Weights {
            expand: values(self.channels * self.inputs(), 2),
            expand_bias: values(self.channels, 3),
            depthwise: values(self.channels * taps, 4),
            bias: values(self.channels, 5),
        }
    }

    fn run(&self, isa: Isa, workers: usize) -> (Vec<f32>, Vec<f32>) {
        self.run_by(isa, Kernel::F32, workers)
    }

    /// The block with this kernel for the expansion.
    fn block(&self, isa: Isa, kernel: Kernel) -> ExpandDepthwise {
        let weights = self.weights();
        let expansion =
            self.inputs.map(|_| Expansion::new(self.packed(isa, kernel), weights.expand_bias));
        let (geometry, activation) = (self.geometry, self.activation);
        let (weights, bias) = (weights.depthwise, weights.bias);
        ExpandDepthwise::new(isa, expansion, geometry, &weights, bias, activation)
    }

    /// The number of outputs.
    fn out_len(&self) -> usize {
        let sides = [self.height, self.width].map(|side| self.geometry.output_len(side));
        self.images * sides[0] * sides[1] * self.channels
    }

    /// Runs a block on `input`, writes `out` and returns the means.
    fn run_block(
        &self,
        block: &ExpandDepthwise,
        workers: usize,
        input: &[f32],
        out: NumbersMut<'_>,
    ) -> Vec<f32> {
        let size = (self.height, self.width);
        let mut means = vec![f32::NAN; self.images * self.channels];
        let arena_size = block.arena_size(workers, self.images, size);
        let (mut arena, profile) = (Arena::full_of_nan(arena_size), Profile::default());
        Threads::new(NonZeroUsize::new(workers).unwrap()).gather(|team| {
            let mut forward = Forward::new(team, arena.open(arena_size), &profile);
            block.run(&mut forward, input, size, out, &mut means);
        });
        means
    }

    /// The expansion's weights.
    fn packed(&self, isa: Isa, kernel: Kernel) -> PackedWeights {
        let (weights, k) = (self.weights().expand, self.inputs());
        PackedWeights::pack_with(isa, kernel, self.channels, k, |row, to| {
            to.copy_from_slice(&weights[row * k..][..k]);
        })
    }

    /// The outputs and the means.
    fn run_by(&self, isa: Isa, kernel: Kernel, workers: usize) -> (Vec<f32>, Vec<f32>) {
        let block = self.block(isa, kernel);
        let mut out = vec![f32::NAN; self.out_len()];
        let means = self.run_block(&block, workers, &self.input(), NumbersMut::F32(&mut out));
        (out, means)
    }

    /// The bits of the outputs in bf16, and the means.
    fn run_to_bf16(&self, isa: Isa, kernel: Kernel, workers: usize) -> (Vec<u16>, Vec<f32>) {
        let block = self.block(isa, kernel);
        let mut out = vec![bf16::NAN; self.out_len()];
        let means = self.run_block(&block, workers, &self.input(), NumbersMut::Bf16(&mut out));
        (bytemuck::cast_vec(out), means)
    }

    /// The output, with the expanded map computed as a whole by an ordinary product.
    fn step_by_step(&self, isa: Isa, kernel: Kernel) -> Vec<f32> {
        let (height, width, channels) = (self.height, self.width, self.channels);
        let weights = self.weights();
        let expand = self.packed(isa, kernel);
        let mut expanded = vec![0.0; self.images * height * width * channels];
        let epilogue = Epilogue::default().bias(&weights.expand_bias).activation(self.activation);
        gemm_on_this_thread(&self.input(), &expand, epilogue, &mut expanded);
        let block = Self { inputs: None, ..*self }.block(isa, kernel);
        let mut out = vec![f32::NAN; self.out_len()];
        self.run_block(&block, 1, &expanded, NumbersMut::F32(&mut out));
        out
    }

    /// The block in f64, step after step over whole maps: `out` and `means`.
    fn reference(&self) -> (Vec<f64>, Vec<f64>) {
        let (height, width, channels) = (self.height, self.width, self.channels);
        let (out_height, out_width) =
            (self.geometry.output_len(height), self.geometry.output_len(width));
        let (input, weights) = (self.input(), self.weights());
        let inputs = self.inputs();
        let expanded: Vec<f64> = if self.inputs.is_none() {
            input.iter().map(|&x| f64::from(x)).collect()
        } else {
            (0..self.images * height * width * channels)
                .map(|i| {
                    let (pixel, channel) = (i / channels, i % channels);
                    let sum: f64 = (0..inputs)
                        .map(|k| {
                            f64::from(input[pixel * inputs + k])
                                * f64::from(weights.expand[channel * inputs + k])
                        })
                        .sum();
                    self.activation.reference(sum + f64::from(weights.expand_bias[channel]))
                })
                .collect()
        };
        let kernel = self.geometry.kernel;
        let mut out = Vec::new();
        let mut means = vec![0.0; self.images * channels];
        for image in 0..self.images {
            for (y, x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
                for channel in 0..channels {
                    let mut sum = f64::from(weights.bias[channel]);
                    for (ky, kx) in (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx))) {
                        let row = y * self.geometry.stride + ky;
                        let column = x * self.geometry.stride + kx;
                        let before = self.geometry.before;
                        let inside = (before..before + height).contains(&row)
                            && (before..before + width).contains(&column);
                        if inside {
                            let pixel = (image * height + row - before) * width + column - before;
                            let tap = (channel * kernel + ky) * kernel + kx;
                            sum += expanded[pixel * channels + channel]
                                * f64::from(weights.depthwise[tap]);
                        }
                    }
                    let y = self.activation.reference(sum);
                    out.push(y);
                    means[image * channels + channel] += y / (out_height * out_width) as f64;
                }
            }
        }
        (out, means)
    }

    fn check(&self, workers: usize) {
        let (expected, expected_means) = self.reference();
        // Inputs and weights are below 1, so an expanded value is below `inputs + 1` and an
        // output below `taps * (inputs + 1) + 1`. Each has at most two roundings for each product
        // of its sum, relative to these bounds. It has a few more of the activations, whose slopes
        // are at most 1.13. A mean has a rounding for each pixel.
        let inputs = if self.inputs.is_some() { self.inputs() as f64 + 1.0 } else { 1.0 };
        let taps = (self.geometry.kernel * self.geometry.kernel) as f64;
        let largest = taps * inputs + 1.0;
        let half_ulp = f64::from(f32::EPSILON) / 2.0;
        let bound = 1.3 * (2.0 * inputs + 2.0 * taps + 16.0) * half_ulp * largest;
        let pixels = expected.len() / expected_means.len();
        let mean_bound = bound + pixels as f64 * half_ulp * largest;
        for isa in Isa::available() {
            let (out, means) = self.run(isa, workers);
            for (i, (&found, &expected)) in out.iter().zip(&expected).enumerate() {
                let error = (f64::from(found) - expected).abs();
                assert!(error <= bound, "{isa:?} {self:?} out {i}: {found}, not {expected}");
            }
            for (i, (&found, &expected)) in means.iter().zip(&expected_means).enumerate() {
                let error = (f64::from(found) - expected).abs();
                assert!(error <= mean_bound, "{isa:?} {self:?} mean {i}: {found}, not {expected}");
            }
        }
    }
}

fn geometry() -> impl Strategy<Value = DepthwiseGeometry> {
    (prop_oneof![Just(3usize), Just(5), Just(7)], 0usize..3).prop_map(|(kernel, padding)| {
        let half = kernel / 2;
        let (stride, before) = [(1, half), (2, half - 1), (2, half)][padding];
        DepthwiseGeometry { kernel, stride, before, after: half }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn equals_the_reference(
        images in 1usize..3,
        height in 3usize..16,
        width in 3usize..30,
        inputs in prop::option::of(1usize..20),
        channels in 1usize..50,
        geometry in geometry(),
        silu: bool,
        workers in 1usize..4,
    ) {
        let activation = if silu { Activation::Silu } else { Activation::Identity };
        prop_assume!(geometry.output_len(height) > 0 && geometry.output_len(width) > 0);
        Case { images, height, width, inputs, channels, geometry, activation }.check(workers);
    }
}

#[test]
fn every_activation_and_a_tall_map() {
    for activation in Activation::ALL {
        Case {
            images: 2,
            height: 40,
            width: 9,
            inputs: Some(6),
            channels: 33,
            geometry: DepthwiseGeometry { kernel: 5, stride: 1, before: 2, after: 2 },
            activation,
        }
        .check(2);
    }
}

/// The pass has the bits of its two steps: an expansion by [`gemm`](crate::gemm()), and then a pass
/// without expansion. The tests of `gemm` check its values.
#[test]
fn rounded_expansions_are_those_of_the_product() {
    for (inputs, channels, width) in [(24, 75, 18), (7, 40, 9), (33, 16, 30)] {
        let case = Case {
            images: 2,
            height: 20,
            width,
            inputs: Some(inputs),
            channels,
            geometry: DepthwiseGeometry { kernel: 3, stride: 1, before: 1, after: 1 },
            activation: Activation::Silu,
        };
        for isa in Isa::available() {
            for precision in [Precision::Bf16x3, Precision::Bf16] {
                let mut units = vec![Unit::Fma, isa.bf16_unit()];
                #[cfg(target_arch = "x86_64")]
                if isa.name() == crate::cpu::IsaName::Avx512 {
                    units.push(Unit::EmulatedTiles(crate::cpu::amx::emulated::Emulated));
                }
                for kernel in units.into_iter().map(|unit| Kernel { precision, unit }) {
                    let expected = case.step_by_step(isa, kernel);
                    for workers in [1, 2, 4] {
                        let (found, _) = case.run_by(isa, kernel, workers);
                        assert_eq!(found, expected, "{isa:?} {kernel:?} {workers}");
                    }
                }
            }
        }
    }
}

/// Some numbers of channels are odd, so that pixels begin within words. Means are those of the values
/// before rounding.
#[test]
fn outputs_in_bf16_are_those_in_f32_rounded() {
    for channels in [16, 33, 75] {
        let case = Case {
            images: 2,
            height: 12,
            width: 9,
            inputs: Some(7),
            channels,
            geometry: DepthwiseGeometry { kernel: 3, stride: 1, before: 1, after: 1 },
            activation: Activation::Silu,
        };
        for isa in Isa::available() {
            let (exact, exact_means) = case.run_by(isa, Kernel::F32, 2);
            let (found, means) = case.run_to_bf16(isa, Kernel::F32, 2);
            assert_eq!(means, exact_means);
            let rounded: Vec<u16> = exact.into_iter().map(bf16_bits::round).collect();
            assert_eq!(found, rounded, "{isa:?} {channels}");
        }
    }
}

#[test]
fn an_image_has_the_same_bits_in_any_batch_and_on_any_threads() {
    let case = |images| Case {
        images,
        height: 70,
        width: 18,
        inputs: Some(24),
        channels: 75,
        geometry: DepthwiseGeometry { kernel: 3, stride: 2, before: 0, after: 1 },
        activation: Activation::Silu,
    };
    for isa in Isa::available() {
        let (all, all_means) = case(3).run(isa, 1);
        for workers in [1, 2, 4] {
            for images in 1..=3 {
                let (out, means) = case(images).run(isa, workers);
                assert_eq!(out[..], all[..out.len()]);
                assert_eq!(means[..], all_means[..means.len()]);
            }
        }
    }
}

#[test]
fn output_sizes_follow_the_padding() {
    let geometry =
        |kernel, stride, before| DepthwiseGeometry { kernel, stride, before, after: kernel / 2 };
    assert_eq!(geometry(3, 1, 1).output_len(144), 144);
    assert_eq!(geometry(3, 2, 0).output_len(144), 72);
    assert_eq!(geometry(5, 2, 1).output_len(36), 18);
    assert_eq!(geometry(5, 2, 1).output_len(9), 4);
    assert_eq!(geometry(5, 2, 2).output_len(9), 5);
    assert_eq!(geometry(5, 2, 1).output_len(1), 0);
}

#[test]
#[should_panic(expected = "does not fit in memory")]
fn sizes_that_wrap_are_refused() {
    let geometry = DepthwiseGeometry { kernel: 1, stride: 1, before: 0, after: 0 };
    let isa = Isa::best();
    let activation = Activation::Identity;
    let block = ExpandDepthwise::new(isa, None, geometry, &[1.0; 16], vec![0.0; 16], activation);
    Threads::single().gather(|team| {
        let size = (30, (1 << 60) + 1);
        let (mut out, mut means) = ([0.0; 480], [0.0; 16]);
        let (mut arena, profile) = (Arena::new(), Profile::default());
        let mut forward = Forward::new(team, arena.open(ArenaSize::default()), &profile);
        block.run(&mut forward, &[0.0; 480], size, NumbersMut::F32(&mut out), &mut means);
    });
}
