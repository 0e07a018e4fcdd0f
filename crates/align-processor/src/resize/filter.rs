//! Resampling filters, with Pillow's numbers.

use std::f64::consts::PI;

/// A resampling filter of Pillow. The number is the value of `resample` in a config.
///
/// ```
/// use align_processor::Filter;
///
/// assert_eq!(Filter::from_code(2), Some(Filter::Bilinear));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// 0: the source pixel under the centre of the destination pixel.
    Nearest,
    /// 1: sinc windowed by sinc, three lobes.
    Lanczos,
    /// 2: the triangle.
    Bilinear,
    /// 3: Keys' cubic convolution with a = -1/2.
    Bicubic,
    /// 4: the mean over the destination pixel's footprint.
    Box,
    /// 5: sinc with a Hamming window, one lobe.
    Hamming,
    /// 6: Magic Kernel Sharp 2013, five pixels wide.
    Mks2013,
    /// 7: Magic Kernel Sharp 2021, nine pixels wide.
    Mks2021,
}

impl Filter {
    /// The filter with Pillow's number `code`. `None` if there is none.
    pub const fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            0 => Self::Nearest,
            1 => Self::Lanczos,
            2 => Self::Bilinear,
            3 => Self::Bicubic,
            4 => Self::Box,
            5 => Self::Hamming,
            6 => Self::Mks2013,
            7 => Self::Mks2021,
            _ => return None,
        })
    }

    /// The kernel of a convolving filter. `None` for [`Filter::Nearest`], which only copies.
    pub(super) fn kernel(self) -> Option<Kernel> {
        let (support, weight): (f64, fn(f64) -> f64) = match self {
            Self::Nearest => return None,
            Self::Lanczos => (3.0, lanczos),
            Self::Bilinear => (1.0, triangle),
            Self::Bicubic => (2.0, cubic),
            Self::Box => (0.5, rectangle),
            Self::Hamming => (1.0, hamming),
            Self::Mks2013 => (2.5, mks_2013),
            Self::Mks2021 => (4.5, mks_2021),
        };
        Some(Kernel { support, weight })
    }
}

/// A filter's weight as a function of the distance from its centre. It is zero beyond `support`.
///
/// The unit of distance is one source pixel when enlarging, and one destination pixel when reducing.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    pub(super) support: f64,
    pub(super) weight: fn(f64) -> f64,
}

fn rectangle(x: f64) -> f64 {
    if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

fn hamming(x: f64) -> f64 {
    let x = x.abs();
    if x == 0.0 {
        1.0
    } else if x >= 1.0 {
        0.0
    } else {
        let t = x * PI;
        t.sin() / t * (0.54 + 0.46 * t.cos())
    }
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// The magic kernel, a quadratic B-spline, sharpened by three taps: J. P. Costella, "The magic
/// kernel" (2013). There is one quadratic piece for each pixel of distance.
fn mks_2013(x: f64) -> f64 {
    let x = x.abs();
    if x < 0.5 {
        17.0 / 16.0 - 7.0 / 4.0 * x * x
    } else if x < 1.5 {
        (1.0 - x) * (7.0 / 4.0 - x)
    } else if x < 2.5 {
        (x - 2.5) * (x - 2.5) / -8.0
    } else {
        0.0
    }
}

/// The magic kernel of 2013, sharpened further: J. P. Costella, "The magic kernel" (2021).
fn mks_2021(x: f64) -> f64 {
    let x = x.abs();
    if x < 0.5 {
        577.0 / 576.0 - 239.0 / 144.0 * x * x
    } else if x < 1.5 {
        (140.0 * x * x - 379.0 * x + 239.0) / 144.0
    } else if x < 2.5 {
        (24.0 * x * x - 113.0 * x + 130.0) / -144.0
    } else if x < 3.5 {
        (4.0 * x * x - 27.0 * x + 45.0) / 144.0
    } else if x < 4.5 {
        (2.0 * x - 9.0) * (2.0 * x - 9.0) / -1152.0
    } else {
        0.0
    }
}

/// sin(πx) / πx.
fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        let t = x * PI;
        t.sin() / t
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_end_at_their_support_and_sum_to_one() {
        for code in 1..=7 {
            let kernel = Filter::from_code(code).unwrap().kernel().unwrap();
            for x in [kernel.support + 1e-9, -kernel.support - 1e-9, 1e9] {
                assert_eq!((kernel.weight)(x), 0.0, "filter {code} at {x}");
            }
            let sum: f64 = (-5..=5).map(|x| (kernel.weight)(f64::from(x))).sum();
            assert!((sum - 1.0).abs() < 1e-12, "filter {code} sums to {sum}");
        }
        assert_eq!(Filter::from_code(8), None);
    }
}
