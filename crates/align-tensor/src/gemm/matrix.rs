//! The operands of a product in memory: rows of the lhs and of the output.
//!
//! Both are row-major. Rows follow each other without gaps, or begin a pitch apart: see
//! [`row_pitch`](super::row_pitch()).

use crate::cpu::simd::Simd;
use crate::number::{Numbers, NumbersMut};
use std::ops::Range;

/// The left-hand side of a product: rows `[m, k]` of `f32` or bf16.
#[derive(Clone, Copy, Debug)]
pub struct Lhs<'a> {
    pub(super) rows: Numbers<'a>,
    pitch: Option<usize>,
    pub(super) scales: &'a [f32],
}

impl<'a> Lhs<'a> {
    /// Rows that begin `pitch` values apart. The values between the `k` of a row and the next row are ignored.
    pub fn from_pitched(rows: impl Into<Numbers<'a>>, pitch: usize) -> Self {
        Self { rows: rows.into(), pitch: Some(pitch), scales: &[] }
    }

    /// Rows whose values are multiplied by a scale for each input: `scales [groups, k]`. The rows are in `groups` groups
    /// of equal size.
    ///
    /// If the product rounds its rows, they are scaled at the same time. In `f32` they are read in place and each panel of
    /// the weights is scaled before it is multiplied, so only one group is possible. Rows that are stored in bf16 are
    /// scaled and rounded again.
    pub fn from_scaled(rows: impl Into<Numbers<'a>>, scales: &'a [f32]) -> Self {
        Self { rows: rows.into(), pitch: None, scales }
    }

    /// Values from row to row of `k`.
    pub(super) fn pitch(self, k: usize) -> usize {
        self.pitch.unwrap_or(k)
    }

    /// A range of `m` rows of `k` values.
    pub(super) fn rows_of(self, rows: &Range<usize>, m: usize, k: usize) -> LhsRows<'a> {
        let pitch = self.pitch(k);
        let groups = self.scales.len() / k;
        let scales = RowScales { scales: self.scales, rows: m / groups.max(1), first: rows.start };
        LhsRows {
            values: self.rows.slice(rows.start * pitch..rows.end * pitch),
            pitch,
            scales: (groups > 0).then_some(scales),
        }
    }

    /// The scales of a range of inputs of the first group.
    pub(super) fn scales_of(self, inputs: Range<usize>) -> &'a [f32] {
        &self.scales[inputs]
    }
}

impl<'a> From<Numbers<'a>> for Lhs<'a> {
    fn from(rows: Numbers<'a>) -> Self {
        Self { rows, pitch: None, scales: &[] }
    }
}

impl<'a> From<&'a [f32]> for Lhs<'a> {
    fn from(rows: &'a [f32]) -> Self {
        Numbers::F32(rows).into()
    }
}

impl<'a> From<&'a Vec<f32>> for Lhs<'a> {
    fn from(rows: &'a Vec<f32>) -> Self {
        rows[..].into()
    }
}

/// The output of a product: rows `[m, n]` of `f32` or bf16.
#[derive(Debug)]
pub struct Output<'a> {
    pub(super) rows: NumbersMut<'a>,
    pitch: Option<usize>,
}

impl<'a> Output<'a> {
    /// Rows that begin `pitch` values apart. The values between the `n` of a row and the next row are not written.
    pub fn from_pitched(rows: impl Into<NumbersMut<'a>>, pitch: usize) -> Self {
        Self { rows: rows.into(), pitch: Some(pitch) }
    }

    /// Values from row to row of `n`.
    pub(super) fn pitch(&self, n: usize) -> usize {
        self.pitch.unwrap_or(n)
    }
}

impl<'a> From<NumbersMut<'a>> for Output<'a> {
    fn from(rows: NumbersMut<'a>) -> Self {
        Self { rows, pitch: None }
    }
}

impl<'a> From<&'a mut [f32]> for Output<'a> {
    fn from(rows: &'a mut [f32]) -> Self {
        NumbersMut::F32(rows).into()
    }
}

impl<'a> From<&'a mut Vec<f32>> for Output<'a> {
    fn from(rows: &'a mut Vec<f32>) -> Self {
        (&mut rows[..]).into()
    }
}

/// A scale for each input: `[groups, k]`. The rows are in groups of equal size.
#[derive(Clone, Copy)]
pub(super) struct RowScales<'a> {
    scales: &'a [f32],
    /// Rows in a group.
    rows: usize,
    /// The index of the first row.
    first: usize,
}

/// Rows of the lhs in memory, `pitch` values apart. Each value is multiplied by its scale if there are scales.
#[derive(Clone, Copy)]
pub(crate) struct LhsRows<'a> {
    pub(super) values: Numbers<'a>,
    pub(super) pitch: usize,
    pub(super) scales: Option<RowScales<'a>>,
}

impl<'a> LhsRows<'a> {
    /// `rows [_, k]` without gaps and scales.
    pub(crate) fn from_contiguous(rows: &'a [f32], k: usize) -> Self {
        Self { values: Numbers::F32(rows), pitch: k, scales: None }
    }

    pub(super) fn count(self) -> usize {
        self.values.len() / self.pitch
    }

    /// A range of the rows.
    pub(super) fn slice(self, rows: Range<usize>) -> Self {
        let values = self.values.slice(rows.start * self.pitch..rows.end * self.pitch);
        let scales =
            self.scales.map(|scales| RowScales { first: scales.first + rows.start, ..scales });
        Self { values, scales, ..self }
    }

    /// The `k` values of one.
    #[inline(always)]
    pub(super) fn row(self, index: usize, k: usize) -> LhsRow<'a> {
        let values = self.values.slice(index * self.pitch..index * self.pitch + k);
        let scales = self.scales.map(
            #[inline(always)]
            |RowScales { scales, rows, first }| &scales[(first + index) / rows * k..][..k],
        );
        LhsRow { values, scales }
    }
}

/// One row of [`LhsRows`].
#[derive(Clone, Copy)]
pub(super) struct LhsRow<'a> {
    values: Numbers<'a>,
    scales: Option<&'a [f32]>,
}

impl LhsRow<'_> {
    /// The vector that starts at value `first`, multiplied by its scales. Zeros follow the end of the row.
    #[inline(always)]
    pub(super) fn vector<S: Simd>(self, s: S, first: usize) -> S::V {
        let len = self.values.len();
        let end = len.min(first + S::LANES);
        let range = first.min(end)..end;
        let x = match self.values {
            Numbers::F32(values) => load(s, &values[range.clone()]),
            Numbers::Bf16(values) => s.load_bf16_tail(&values[range.clone()]),
            Numbers::F16(_) | Numbers::I8(_) => unreachable!("`Problem::new` refuses this format"),
        };
        match self.scales {
            Some(scales) => s.mul(x, load(s, &scales[range])),
            None => x,
        }
    }
}

/// A vector, or fewer values followed by zeros.
#[inline(always)]
fn load<S: Simd>(s: S, x: &[f32]) -> S::V {
    if x.len() == S::LANES { s.load_slice(x) } else { s.load_tail(x) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::gemm::{Epilogue, PackedWeights, gemm};
    use crate::number::Precision;
    use crate::testing::values;
    use crate::threads::Threads;

    /// The values between the rows are NaN: they must be neither read nor written.
    #[test]
    fn rows_that_are_apart_give_the_same_bits() {
        let (m, n, k) = (31, 37, 70);
        let (a, w, residual) = (values(m * k, 1), values(n * k, 2), values(m * n, 3));
        let apart = |rows: &[f32], len: usize, pitch: usize| -> Vec<f32> {
            let gap = vec![f32::NAN; pitch - len];
            rows.chunks_exact(len).flat_map(|row| [row, &gap].concat()).collect()
        };
        for isa in Isa::available() {
            for precision in Precision::ALL {
                let packed = PackedWeights::pack_as(isa, precision, &w, n, k);
                let (mut close, mut wide) = (vec![0.0; m * n], vec![f32::NAN; m * (n + 5)]);
                let wide_residual = apart(&residual, n, n + 5);
                Threads::single().gather(|team| {
                    let epilogue = Epilogue::default().residual(&residual);
                    gemm(team, &a, &packed, epilogue, &mut close);
                    let a = apart(&a, k, k + 3);
                    let epilogue = Epilogue::default().residual(&wide_residual);
                    let (a, c) = (
                        Lhs::from_pitched(&a[..], k + 3),
                        Output::from_pitched(&mut wide[..], n + 5),
                    );
                    gemm(team, a, &packed, epilogue, c);
                });
                for (close, wide) in close.chunks_exact(n).zip(wide.chunks_exact(n + 5)) {
                    assert_eq!(close, &wide[..n], "{isa:?}, {precision}");
                    assert!(wide[n..].iter().all(|x| x.is_nan()), "{isa:?}, {precision}");
                }
            }
        }
    }
}
