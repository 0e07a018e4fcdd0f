//! Source windows and weights of output positions, along one axis.

use crate::resize::filter::Kernel;

/// Fractional bits of a fixed-point weight. An 8-bit pixel times a weight, plus two bits of
/// headroom for filters that overshoot, fits into an `i32`.
pub(super) const PRECISION_BITS: u32 = 32 - 8 - 2;

/// The rounding term of an accumulator: one half, as a fixed-point number.
pub(super) const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// The source window of one output position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// First source position.
    pub(super) start: usize,
    /// One past the last source position.
    pub(super) end: usize,
    /// Index of the window's first weight in [`Taps::weights`].
    offset: usize,
}

/// The windows of all output positions along one axis. Starts and ends never decrease.
pub(super) struct Taps {
    pub(super) windows: Vec<Window>,
    weights: Vec<i32>,
}

impl Taps {
    /// Windows and weights for resampling `from` positions to `to` (both positive).
    ///
    /// With `scale = from / to`, the centre of output `i` is `(i + 1/2) scale`. The kernel is
    /// stretched by `max(scale, 1)`, so that reducing averages over the whole footprint. Weights
    /// are computed and normalised to the sum 1 in `f64`. Then each is rounded, half away from
    /// zero, to [`PRECISION_BITS`] fractional bits.
    pub(super) fn new(from: usize, to: usize, kernel: Kernel) -> Self {
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let support = kernel.support * stretch;
        let shrink = 1.0 / stretch;

        let mut windows = Vec::with_capacity(to);
        let mut weights = Vec::new();
        let mut exact = Vec::new();
        for i in 0..to {
            let centre = (i as f64 + 0.5) * scale;
            // Casts to integers truncate towards zero and saturate at 0, as this code needs.
            let start = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);

            exact.clear();
            exact.extend((start..end).map(|x| (kernel.weight)((x as f64 - centre + 0.5) * shrink)));
            let sum: f64 = exact.iter().sum();
            windows.push(Window { start, end, offset: weights.len() });
            weights.extend(exact.iter().map(|w| to_fixed(if sum == 0.0 { *w } else { w / sum })));
        }
        Self { windows, weights }
    }

    /// Weights of `window`, one for each source position.
    pub(super) fn weights(&self, window: Window) -> &[i32] {
        &self.weights[window.offset..][..window.end - window.start]
    }

    /// Largest number of windows that share one source position, at least 1.
    pub(super) fn overlap(&self) -> usize {
        let mut first = 0;
        let mut most = 1;
        for (i, window) in self.windows.iter().enumerate() {
            while self.windows[first].end <= window.start {
                first += 1;
            }
            most = most.max(i + 1 - first);
        }
        most
    }
}

fn to_fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << PRECISION_BITS);
    (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

/// A fixed-point sum as a pixel: drops the fraction (see [`HALF`]) and clips to 0..=255.
#[inline]
pub(super) fn to_pixel(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resize::filter::Filter;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_advance_lie_inside_and_cannot_overflow(
            from in 1_usize..700, to in 1_usize..700, code in 1_u64..8
        ) {
            let taps = Taps::new(from, to, Filter::from_code(code).unwrap().kernel().unwrap());
            prop_assert_eq!(taps.windows.len(), to);
            for window in &taps.windows {
                prop_assert!(window.start < window.end && window.end <= from);
                let weights = taps.weights(*window);
                // Normalised weights have the sum 1, up to half a unit of rounding for each.
                let sum: i64 = weights.iter().map(|w| i64::from(*w)).sum();
                prop_assert!((sum - (1 << PRECISION_BITS)).unsigned_abs() <= weights.len() as u64);
                // The worst 8-bit row fits into an `i32`, in any order of summation.
                let worst: i64 = weights.iter().map(|w| 255 * i64::from(w.abs())).sum();
                prop_assert!(worst + i64::from(HALF) <= i64::from(i32::MAX));
            }
            for pair in taps.windows.windows(2) {
                prop_assert!(pair[0].start <= pair[1].start && pair[0].end <= pair[1].end);
            }
            // Every source position is read, so no row or column can be skipped.
            prop_assert_eq!(taps.windows[0].start, 0);
            prop_assert_eq!(taps.windows[to - 1].end, from);
        }
    }
}
