//! The rows on the left of a product, in the form that its kernel reads.
//!
//! `f32` products read them where they are. For all others a block of rows is rounded once, into
//! scratch, and then multiplied by one panel after another. A row there has its values' high parts,
//! then (`bf16x3`) their low parts, each padded with zeros to whole cache lines:
//!
//! - bf16 numbers, two in a word of 32 bits, where the unit takes pairs;
//! - `f32` numbers of bf16 precision where multiply-adds stand in: a value of one row is spread
//!   over a vector, which a load does from 32 bits and not from 16.

use super::kernel::{Kernel, Unit};
#[cfg(target_arch = "x86_64")]
use crate::simd::{
    avx512::Avx512,
    avx512_bf16::{Avx512Bf16, Bf16Op},
};
use crate::{
    Isa, Precision, Team,
    aligned::round_up_to_line,
    simd::{MAX_LANES, Op, Simd},
};

/// The rows that a task of [`Left::write_by`] writes.
const WRITTEN_ROWS: usize = 32;

/// A factor for each input of each of some rows: `[groups, k]`, the rows in groups of equal size.
#[derive(Clone, Copy)]
pub(crate) struct RowScales<'a> {
    pub(crate) scales: &'a [f32],
    /// Rows of a group.
    pub(crate) rows: usize,
    /// The first row's number.
    pub(crate) first: usize,
}

impl<'a> RowScales<'a> {
    #[inline(always)]
    fn of(self, row: usize, k: usize) -> &'a [f32] {
        &self.scales[(self.first + row) / self.rows * k..][..k]
    }
}

/// The form of rows of `k` values for a kernel.
#[derive(Clone, Copy)]
pub(crate) struct Left {
    kernel: Kernel,
    k: usize,
}

impl Left {
    pub(crate) fn new(kernel: Kernel, k: usize) -> Self {
        Self { kernel, k }
    }

    /// Whether the kernel reads rows as they are.
    pub(crate) fn is_plain(self) -> bool {
        self.kernel.precision == Precision::F32
    }

    /// Whether a word holds one value.
    fn is_wide(self) -> bool {
        matches!(self.kernel.unit, Unit::Fma)
    }

    /// Words from a row's high parts to its low ones: those of one part.
    pub(crate) fn low(self) -> usize {
        let values_of_a_word = if self.is_wide() { 1 } else { 2 };
        round_up_to_line(self.k.div_ceil(values_of_a_word))
    }

    /// Words from row to row.
    pub(crate) fn stride(self) -> usize {
        self.low() * self.kernel.parts()
    }

    /// The words that so many rows take, and those behind them that tiles read and make nothing of.
    pub(crate) fn len(self, rows: usize) -> usize {
        let behind = if self.kernel.unit.is_tiles() { 2 * MAX_LANES - 1 } else { 0 };
        (rows + behind) * self.stride()
    }

    /// The first of `rows [_, k]`, `pitch` values apart, in the kernel's form, and words from one to the next: where
    /// they are, or else in `room`, each value times its scale where there are any.
    #[inline(always)]
    pub(crate) fn place<S: Simd>(
        self,
        s: S,
        rows: &[f32],
        pitch: usize,
        scales: Option<RowScales<'_>>,
        room: &mut [f32],
    ) -> (*const f32, usize) {
        if self.is_plain() {
            return (rows.as_ptr(), pitch);
        }
        let room = &mut room[..self.len(rows.len() / pitch)];
        self.write(s, rows, pitch, scales, room);
        (room.as_ptr(), self.stride())
    }

    /// Writes `rows [_, k]` as [`place`](Self::place) does, by a whole team; `to` has room for them.
    pub(crate) fn write_by(
        self,
        team: &Team<'_>,
        isa: Isa,
        rows: &[f32],
        pitch: usize,
        scales: Option<RowScales<'_>>,
        to: &mut [f32],
    ) {
        let stride = self.stride();
        let to = &mut to[..rows.len() / pitch * stride];
        team.run_chunks(to, WRITTEN_ROWS * stride, |chunk, to| {
            let first = chunk * WRITTEN_ROWS;
            let rows = &rows[first * pitch..][..to.len() / stride * pitch];
            let scales = scales.map(|scales| RowScales { first: scales.first + first, ..scales });
            isa.dispatch(Write { left: self, rows, pitch, scales, to });
        });
    }

    /// Writes `rows [_, k]`, `pitch` values apart, each value times its scale where there are any, to `to`.
    #[inline(always)]
    fn write<S: Simd>(
        self,
        s: S,
        rows: &[f32],
        pitch: usize,
        scales: Option<RowScales<'_>>,
        to: &mut [f32],
    ) {
        #[cfg(target_arch = "x86_64")]
        if let (Some(unit), 1) = (self.kernel.unit.pairs(), self.kernel.parts()) {
            return unit.outline(RoundPairs(Write { left: self, rows, pitch, scales, to }));
        }
        let rows = rows.chunks_exact(pitch).zip(to.chunks_exact_mut(self.stride()));
        for (index, (row, to)) in rows.enumerate() {
            let scales = scales.map(
                #[inline(always)]
                |scales| scales.of(index, self.k),
            );
            self.write_row(s, &row[..self.k], scales, to);
        }
    }

    #[inline(always)]
    fn write_row<S: Simd>(self, s: S, row: &[f32], scales: Option<&[f32]>, to: &mut [f32]) {
        let (high, low) = to.split_at_mut(self.low());
        let values = if self.is_wide() { high.len() } else { 2 * high.len() };
        for first in (0..values).step_by(S::LANES) {
            let x = scaled(s, row, scales, first);
            let upper = s.round_bf16(x);
            self.store(s, high, first, upper);
            if !low.is_empty() {
                let finite = s.splat(f32::INFINITY);
                let rest = s.select_lt(s.abs(upper), finite, s.sub(x, upper), s.zero());
                self.store(s, low, first, s.round_bf16(rest));
            }
        }
    }

    /// Stores numbers of bf16 precision at value `first` of a part.
    #[inline(always)]
    fn store<S: Simd>(self, s: S, part: &mut [f32], first: usize, v: S::V) {
        if self.is_wide() {
            s.store_slice(&mut part[first..], v);
        } else {
            let halves: &mut [u16] = bytemuck::cast_slice_mut(part);
            let to = &mut halves[first..][..S::LANES];
            // SAFETY: `to` has as many halves as there are lanes.
            unsafe { s.store_upper_halves(to.as_mut_ptr(), v) };
        }
    }
}

/// [`Left::write`] as a computation of its own.
struct Write<'a> {
    left: Left,
    rows: &'a [f32],
    pitch: usize,
    scales: Option<RowScales<'a>>,
    to: &'a mut [f32],
}

impl Op for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { left, rows, pitch, scales, to } = self;
        left.write(s, rows, pitch, scales, to);
    }
}

/// A vector of `row` from value `first` on, times its scales; zeros behind the row's end.
#[inline(always)]
fn scaled<S: Simd>(s: S, row: &[f32], scales: Option<&[f32]>, first: usize) -> S::V {
    let end = row.len().min(first + S::LANES);
    let range = first.min(end)..end;
    let x = load(s, &row[range.clone()]);
    match scales {
        Some(scales) => s.mul(x, load(s, &scales[range])),
        None => x,
    }
}

/// A vector, or less with zeros behind.
#[inline(always)]
fn load<S: Simd>(s: S, x: &[f32]) -> S::V {
    if x.len() == S::LANES { s.load_slice(x) } else { s.load_tail(x) }
}

/// [`Left::write`] in one part by AVX512-BF16's own conversion, which is the same.
#[cfg(target_arch = "x86_64")]
struct RoundPairs<'a>(Write<'a>);

#[cfg(target_arch = "x86_64")]
impl Bf16Op for RoundPairs<'_> {
    #[inline(always)]
    fn run(self, unit: Avx512Bf16, s: Avx512) {
        let Self(Write { left, rows, pitch, scales, to }) = self;
        let rows = rows.chunks_exact(pitch).zip(to.chunks_exact_mut(left.stride()));
        for (index, (row, to)) in rows.enumerate() {
            let row = &row[..left.k];
            let scales = scales.map(
                #[inline(always)]
                |scales| scales.of(index, left.k),
            );
            // A cache line of words takes two vectors of values.
            for (line, to) in to.chunks_exact_mut(MAX_LANES).enumerate() {
                let first = 2 * line * MAX_LANES;
                let pair = [first, first + MAX_LANES].map(
                    #[inline(always)]
                    |first| scaled(s, row, scales, first),
                );
                // SAFETY: a line of 16 words has 32 halves.
                unsafe { unit.store_rounded(to.as_mut_ptr().cast(), pair[0], pair[1]) };
            }
        }
    }
}
