//! Separable convolution: each source row is filtered horizontally, rounded to `u8`, and at once
//! added to every output row whose vertical window holds it.
//!
//! The image between the passes therefore never exists as a whole: memory is one row plus one
//! `i32` accumulator row for each output row in flight, whatever the height of the source.
//! Integer sums do not depend on their order, so the result is that of two whole passes.

use super::filter::Kernel;
use super::taps::{HALF, Taps, to_pixel};
use crate::Dimensions;

pub(super) fn convolve<const C: usize>(
    src: &[u8],
    from: Dimensions,
    to: Dimensions,
    kernel: Kernel,
) -> Vec<u8> {
    let horizontal = (from.width != to.width).then(|| Taps::new(from.width, to.width, kernel));
    let vertical = (from.height != to.height).then(|| Taps::new(from.height, to.height, kernel));

    let mut out = vec![0; to.area() * C];
    let rows = src.chunks_exact(from.width * C);
    match (horizontal, vertical) {
        (None, None) => out.copy_from_slice(src),
        (Some(taps), None) => {
            for (row, out) in rows.zip(out.chunks_exact_mut(to.width * C)) {
                filter_row::<C>(row, &taps, out);
            }
        }
        (None, Some(taps)) => {
            let mut columns = Columns::new(&taps, to.width * C, &mut out);
            rows.for_each(|row| columns.push(row));
        }
        (Some(h_taps), Some(v_taps)) => {
            let mut columns = Columns::new(&v_taps, to.width * C, &mut out);
            let mut filtered = vec![0; to.width * C];
            for row in rows {
                filter_row::<C>(row, &h_taps, &mut filtered);
                columns.push(&filtered);
            }
        }
    }
    out
}

/// The horizontal pass over one row of interleaved pixels.
fn filter_row<const C: usize>(row: &[u8], taps: &Taps, out: &mut [u8]) {
    let (row, _) = row.as_chunks::<C>();
    let (out, _) = out.as_chunks_mut::<C>();
    for (pixel, window) in out.iter_mut().zip(&taps.windows) {
        let mut sums = [HALF; C];
        for (source, weight) in row[window.start..window.end].iter().zip(taps.weights(*window)) {
            for c in 0..C {
                sums[c] += i32::from(source[c]) * weight;
            }
        }
        *pixel = sums.map(to_pixel);
    }
}

/// The vertical pass, fed one row at a time.
struct Columns<'a> {
    taps: &'a Taps,
    /// Accumulators of the output rows in flight: row `y` lives in slot `y % slots`.
    sums: Vec<i32>,
    slots: usize,
    row_len: usize,
    out: &'a mut [u8],
    /// Index of the source row that comes next.
    source: usize,
    /// The first output row that is not finished.
    unfinished: usize,
}

impl<'a> Columns<'a> {
    fn new(taps: &'a Taps, row_len: usize, out: &'a mut [u8]) -> Self {
        let slots = taps.overlap();
        let sums = vec![HALF; slots * row_len];
        Self { taps, sums, slots, row_len, out, source: 0, unfinished: 0 }
    }

    fn push(&mut self, row: &[u8]) {
        let in_flight = self.taps.windows.iter().enumerate().skip(self.unfinished);
        for (y, window) in in_flight.take_while(|(_, window)| window.start <= self.source) {
            let weight = self.taps.weights(*window)[self.source - window.start];
            let sums = &mut self.sums[y % self.slots * self.row_len..][..self.row_len];
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        self.source += 1;
        while self.taps.windows.get(self.unfinished).is_some_and(|w| w.end <= self.source) {
            self.finish(self.unfinished);
            self.unfinished += 1;
        }
    }

    fn finish(&mut self, y: usize) {
        let sums = &mut self.sums[y % self.slots * self.row_len..][..self.row_len];
        for (pixel, sum) in self.out[y * self.row_len..][..self.row_len].iter_mut().zip(sums) {
            *pixel = to_pixel(*sum);
            *sum = HALF;
        }
    }
}
