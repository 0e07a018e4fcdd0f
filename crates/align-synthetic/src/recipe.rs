//! Rules that make the values of one tensor.

use crate::calibration::Moments;
use crate::counter;

/// A rule that makes the values of a tensor from its shape, its name and the seed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Recipe {
    /// The integer 1.
    Count,
    /// Uniform on `centre ± half_width`.
    Uniform { centre: f32, half_width: f32 },
    /// Uniform around zero with variance `gain` / fan-in. The fan-in is the product of all
    /// dimensions but the first.
    Weight { gain: f64 },
    /// The running mean of a normalisation after `convolution`.
    Mean { convolution: Convolution, input: Moments },
    /// The running variance of a normalisation after `convolution`.
    Variance { convolution: Convolution, input: Moments },
}

/// The convolution in front of a normalisation. Its weights are a `Weight { gain: 1.0 }` of this
/// name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Convolution {
    pub(super) weight: String,
    pub(super) fan_in: usize,
}

impl Recipe {
    /// The values of the tensor `name` of this shape.
    pub(super) fn values(&self, name: &str, shape: &[usize], seed: u64) -> Vec<f32> {
        let len = shape.iter().product();
        match self {
            Self::Count => vec![1.0; len],
            &Self::Uniform { centre, half_width } => counter::signed_units(seed, name)
                .take(len)
                .map(|unit| centre + half_width * unit)
                .collect(),
            &Self::Weight { gain } => {
                let half_width = half_width(gain, shape[1..].iter().product());
                counter::signed_units(seed, name).take(len).map(|unit| half_width * unit).collect()
            }
            Self::Mean { convolution, input } => {
                convolution.row_sums(len, seed).map(|(sum, _)| (input.mean * sum) as f32).collect()
            }
            Self::Variance { convolution, input } => convolution
                .row_sums(len, seed)
                .map(|(sum, squares)| (input.own * squares + input.shared * (sum * sum)) as f32)
                .collect(),
        }
    }
}

impl Convolution {
    /// The sum of the weights of each output channel, and the sum of their squares.
    ///
    /// They are added as integers, so the order of the additions does not change them. Squares
    /// reach 2^46 and a row has fewer than 2^13 weights, so sums stay below 2^59.
    fn row_sums(&self, rows: usize, seed: u64) -> impl Iterator<Item = (f64, f64)> {
        let width = f64::from(half_width(1.0, self.fan_in));
        let step = f64::from(counter::STEP);
        let fan_in = self.fan_in;
        let mut weights = counter::integers(seed, &self.weight);
        (0..rows).map(move |_| {
            let (sum, squares) = weights
                .by_ref()
                .take(fan_in)
                .fold((0_i64, 0_i64), |(sum, squares), w| (sum + w, squares + w * w));
            (width * (sum as f64 * step), width * width * (squares as f64 * (step * step)))
        })
    }
}

/// Half the width of a uniform distribution around zero with variance `gain` / `fan_in`.
fn half_width(gain: f64, fan_in: usize) -> f32 {
    (3.0 * gain / fan_in as f64).sqrt() as f32
}
