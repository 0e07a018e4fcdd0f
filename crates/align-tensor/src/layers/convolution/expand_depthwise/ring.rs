//! The rows of the expanded map that the depthwise convolution reads next.

use crate::cpu::simd::Simd;
use std::ops::Range;

/// The last few rows of a panel's expanded map, zero-padded left and right.
pub(super) struct Ring<'a> {
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) before: usize,
    /// Values per pixel: the panel's width.
    pub(super) pixel: usize,
    /// Values per padded row.
    pub(super) row: usize,
    pub(super) data: &'a mut [f32],
}

impl Ring<'_> {
    /// Row `y` of the map, from its left padding on.
    #[inline(always)]
    pub(super) fn start(&self, y: usize) -> &[f32] {
        &self.data[y % self.rows * self.row..][..self.row]
    }

    /// The leading pixels of a range that lie in one row. Pixels of the map are numbered row by row.
    #[inline(always)]
    pub(super) fn run_mut(&mut self, pixels: &Range<usize>) -> &mut [f32] {
        let (y, x) = (pixels.start / self.width, pixels.start % self.width);
        let pixels = pixels.len().min(self.width - x);
        let start = y % self.rows * self.row + (self.before + x) * self.pixel;
        &mut self.data[start..][..pixels * self.pixel]
    }

    /// Copies the channels `columns` of some pixels of a map. Each of the ring's vectors has at least
    /// one of them.
    #[inline(always)]
    pub(super) fn copy<S: Simd>(
        &mut self,
        s: S,
        map: &[f32],
        channels: usize,
        columns: Range<usize>,
        mut pixels: Range<usize>,
    ) {
        let width = self.pixel;
        while !pixels.is_empty() {
            let run = self.run_mut(&pixels).chunks_exact_mut(width);
            let numbers = pixels.start..;
            pixels.start += run.len();
            for (pixel, to) in numbers.zip(run) {
                let from = &map[pixel * channels..][columns.clone()];
                for (to, from) in to.chunks_exact_mut(S::LANES).zip(from.chunks(S::LANES)) {
                    s.store_slice(to, s.load_tail(from));
                }
            }
        }
    }

    /// Writes the zeros of the padding.
    pub(super) fn clear_padding(&mut self) {
        let inside = self.before * self.pixel..(self.before + self.width) * self.pixel;
        for row in self.data.chunks_exact_mut(self.row).take(self.rows) {
            row[..inside.start].fill(0.0);
            row[inside.end..].fill(0.0);
        }
    }
}
