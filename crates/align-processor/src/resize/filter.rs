//! The six resampling filters, numbered as Pillow numbers them.

use std::f64::consts::PI;

/// A resampling filter; [`Filter::from_code`] takes the number that `resample` holds in a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

impl Filter {
    /// The filter with Pillow's number `code`; `None` if there is none.
    pub const fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            0 => Self::Nearest,
            1 => Self::Lanczos,
            2 => Self::Bilinear,
            3 => Self::Bicubic,
            4 => Self::Box,
            5 => Self::Hamming,
            _ => return None,
        })
    }

    /// The kernel of a convolving filter; `None` for [`Filter::Nearest`], which only copies.
    pub(super) fn kernel(self) -> Option<Kernel> {
        let (support, weight): (f64, fn(f64) -> f64) = match self {
            Self::Nearest => return None,
            Self::Lanczos => (3.0, lanczos),
            Self::Bilinear => (1.0, triangle),
            Self::Bicubic => (2.0, cubic),
            Self::Box => (0.5, rectangle),
            Self::Hamming => (1.0, hamming),
        };
        Some(Kernel { support, weight })
    }
}

/// A filter's weight as a function of the distance from its centre, zero beyond `support`.
/// The unit is one source pixel when enlarging, one destination pixel when reducing.
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
    fn kernels_are_one_at_the_centre_and_zero_beyond_their_support() {
        for code in 1..=5 {
            let kernel = Filter::from_code(code).unwrap().kernel().unwrap();
            assert_eq!((kernel.weight)(0.0), 1.0, "filter {code}");
            for x in [kernel.support + 1e-9, -kernel.support - 1e-9, 1e9] {
                assert_eq!((kernel.weight)(x), 0.0, "filter {code} at {x}");
            }
        }
        assert_eq!(Filter::from_code(6), None);
    }
}
