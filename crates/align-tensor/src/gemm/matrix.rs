//! The rows that go into a product and those that come out.
//!
//! Both are row-major. Rows follow each other without gaps, or begin a pitch apart: see [`row_pitch`].

use crate::gemm::packing::lhs::{GivenRows, RowScales};
use crate::memory::LINE;
use crate::number::{ValueFormat, Values, ValuesMut};
use std::ops::Range;

/// Half the bytes after which lines of memory share their places in the first-level cache again, which are those of a
/// page on every x86-64 CPU there is.
const HALF_CACHE_PERIOD: usize = 2048;

/// The pitch for rows of `len` values that will be multiplied: `len`, or where that is a multiple of 2048 bytes, a cache
/// line more.
///
/// A product reads a line of each of up to 14 rows at a time, or of 32 where there are tiles. At such a distance they
/// share one or two sets of 8 or 12 places of the first-level cache and drive each other out: on a Zen 4, `f32` products
/// of 3072 inputs lose a fifth of their speed.
pub fn row_pitch(format: ValueFormat, len: usize) -> usize {
    let each = format.values_of_a_word();
    if len.is_multiple_of(each) { each * pitch_of_words(len / each) } else { len }
}

/// The same in words of 32 bits.
pub(super) fn pitch_of_words(len: usize) -> usize {
    if (len * size_of::<f32>()).is_multiple_of(HALF_CACHE_PERIOD) { len + LINE } else { len }
}

/// What is multiplied with the weights: rows `[m, k]`.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    pub(super) rows: Values<'a>,
    pitch: Option<usize>,
    pub(super) scales: &'a [f32],
}

impl<'a> Inputs<'a> {
    /// Rows that begin `pitch` values apart; what is behind the `k` of each does not matter.
    pub fn with_pitch(rows: impl Into<Values<'a>>, pitch: usize) -> Self {
        Self { rows: rows.into(), pitch: Some(pitch), scales: &[] }
    }

    /// `rows`, each value times a factor of its input: `scales [groups, k]`, where the rows are in
    /// groups of equal size.
    ///
    /// Where rows are rounded on the way, they are scaled then. In `f32` they are read as they are and
    /// each panel of the weights is scaled before it is multiplied, so there may be one group only. Rows that are kept
    /// in bf16 are scaled, and rounded again.
    pub fn scaled(rows: impl Into<Values<'a>>, scales: &'a [f32]) -> Self {
        Self { rows: rows.into(), pitch: None, scales }
    }

    /// Values from row to row of `k`.
    pub(super) fn pitch(self, k: usize) -> usize {
        self.pitch.unwrap_or(k)
    }

    /// Some of `m` rows of `k` values.
    pub(super) fn rows_of(self, rows: &Range<usize>, m: usize, k: usize) -> GivenRows<'a> {
        let pitch = self.pitch(k);
        let groups = self.scales.len() / k;
        let scales = RowScales { scales: self.scales, rows: m / groups.max(1), first: rows.start };
        GivenRows {
            values: self.rows.slice(rows.start * pitch..rows.end * pitch),
            pitch,
            scales: (groups > 0).then_some(scales),
        }
    }

    /// The factors of some inputs of the first group.
    pub(super) fn scales_of(self, inputs: Range<usize>) -> &'a [f32] {
        &self.scales[inputs]
    }
}

impl<'a> From<Values<'a>> for Inputs<'a> {
    fn from(rows: Values<'a>) -> Self {
        Self { rows, pitch: None, scales: &[] }
    }
}

impl<'a> From<&'a [f32]> for Inputs<'a> {
    fn from(rows: &'a [f32]) -> Self {
        Values::F32(rows).into()
    }
}

impl<'a> From<&'a Vec<f32>> for Inputs<'a> {
    fn from(rows: &'a Vec<f32>) -> Self {
        rows[..].into()
    }
}

/// Where a product goes: rows `[m, n]`.
#[derive(Debug)]
pub struct Outputs<'a> {
    pub(super) rows: ValuesMut<'a>,
    pitch: Option<usize>,
}

impl<'a> Outputs<'a> {
    /// Rows that begin `pitch` values apart; what is behind the `n` of each is not written.
    pub fn with_pitch(rows: impl Into<ValuesMut<'a>>, pitch: usize) -> Self {
        Self { rows: rows.into(), pitch: Some(pitch) }
    }

    /// Values from row to row of `n`.
    pub(super) fn pitch(&self, n: usize) -> usize {
        self.pitch.unwrap_or(n)
    }
}

impl<'a> From<ValuesMut<'a>> for Outputs<'a> {
    fn from(rows: ValuesMut<'a>) -> Self {
        Self { rows, pitch: None }
    }
}

impl<'a> From<&'a mut [f32]> for Outputs<'a> {
    fn from(rows: &'a mut [f32]) -> Self {
        ValuesMut::F32(rows).into()
    }
}

impl<'a> From<&'a mut Vec<f32>> for Outputs<'a> {
    fn from(rows: &'a mut Vec<f32>) -> Self {
        (&mut rows[..]).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::gemm::{Epilogue, PackedMatrix, gemm};
    use crate::number::Precision;
    use crate::testing::values;
    use crate::threads::Threads;

    #[test]
    fn rows_of_whole_pages_are_drawn_apart() {
        let pitch =
            |len| [ValueFormat::F32, ValueFormat::Bf16].map(|format| row_pitch(format, len));
        assert_eq!([768, 1024].map(pitch), [[768, 768], [1040, 1056]]);
        assert_eq!([1536, 3072, 3073].map(pitch), [[1552, 1536], [3088, 3104], [3073, 3073]]);
    }

    /// What is between the rows is NaN, and stays as it is.
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
                let packed = PackedMatrix::pack_as(isa, precision, &w, n, k);
                let (mut close, mut wide) = (vec![0.0; m * n], vec![f32::NAN; m * (n + 5)]);
                let wide_residual = apart(&residual, n, n + 5);
                Threads::single().gather(|team| {
                    let epilogue = Epilogue::default().residual(&residual);
                    gemm(team, &a, &packed, epilogue, &mut close);
                    let a = apart(&a, k, k + 3);
                    let epilogue = Epilogue::default().residual(&wide_residual);
                    let (a, c) = (
                        Inputs::with_pitch(&a[..], k + 3),
                        Outputs::with_pitch(&mut wide[..], n + 5),
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
