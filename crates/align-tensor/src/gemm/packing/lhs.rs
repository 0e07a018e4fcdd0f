//! The rows on the left of a product, in the form that its kernel reads.
//!
//! `f32` products read them where they are. For all others a block of rows is rounded once, into
//! scratch, and then multiplied by one panel after another. A row there has its values' high parts,
//! then (`bf16x3`) their low parts, each padded with zeros to whole cache lines (and rows are drawn apart as
//! [`row_pitch`](super::row_pitch) says):
//!
//! - bf16 numbers, two in a word of 32 bits, where the unit takes pairs;
//! - `f32` numbers of bf16 precision where multiply-adds stand in: a value of one row is spread
//!   over a vector, which a load does from 32 bits and not from 16.

use crate::cpu::Isa;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512_bf16::{Avx512Bf16, Bf16Op};
use crate::cpu::simd::{MAX_LANES, Op, Simd};
use crate::cpu::unit::Unit;
use crate::gemm::kernel::Kernel;
use crate::gemm::matrix::pitch_of_words;
use crate::memory::round_up_to_line;
use crate::number::{Precision, Values};
use crate::threads::Team;
use std::ops::Range;

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

/// Rows as they are given: `pitch` values apart, each value to be taken times its scale where there are any.
#[derive(Clone, Copy)]
pub(crate) struct GivenRows<'a> {
    pub(crate) values: Values<'a>,
    pub(crate) pitch: usize,
    pub(crate) scales: Option<RowScales<'a>>,
}

impl<'a> GivenRows<'a> {
    /// `rows [_, k]`, as they are.
    pub(crate) fn plain(rows: &'a [f32], k: usize) -> Self {
        Self { values: Values::F32(rows), pitch: k, scales: None }
    }

    fn count(self) -> usize {
        self.values.len() / self.pitch
    }

    /// Some of them.
    fn slice(self, rows: Range<usize>) -> Self {
        let values = self.values.slice(rows.start * self.pitch..rows.end * self.pitch);
        let scales =
            self.scales.map(|scales| RowScales { first: scales.first + rows.start, ..scales });
        Self { values, scales, ..self }
    }

    /// The `k` values of one.
    #[inline(always)]
    fn row(self, index: usize, k: usize) -> GivenRow<'a> {
        let values = self.values.slice(index * self.pitch..index * self.pitch + k);
        let scales = self.scales.map(
            #[inline(always)]
            |RowScales { scales, rows, first }| &scales[(first + index) / rows * k..][..k],
        );
        GivenRow { values, scales }
    }
}

/// One of [`GivenRows`].
#[derive(Clone, Copy)]
struct GivenRow<'a> {
    values: Values<'a>,
    scales: Option<&'a [f32]>,
}

impl GivenRow<'_> {
    /// A vector from value `first` on, times its scales; zeros behind the row's end.
    #[inline(always)]
    fn vector<S: Simd>(self, s: S, first: usize) -> S::V {
        let len = self.values.len();
        let end = len.min(first + S::LANES);
        let range = first.min(end)..end;
        let x = match self.values {
            Values::F32(values) => load(s, &values[range.clone()]),
            Values::Bf16(values) => s.load_bf16_tail(&values[range.clone()]),
        };
        match self.scales {
            Some(scales) => s.mul(x, load(s, &scales[range])),
            None => x,
        }
    }
}

/// A vector, or less with zeros behind.
#[inline(always)]
fn load<S: Simd>(s: S, x: &[f32]) -> S::V {
    if x.len() == S::LANES { s.load_slice(x) } else { s.load_tail(x) }
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

    /// The first of `rows`, where the kernel reads them as they are given, and words from one to the next.
    pub(crate) fn given(self, rows: GivenRows<'_>) -> Option<(*const f32, usize)> {
        match rows.values {
            Values::F32(values) if self.is_plain() => Some((values.as_ptr(), rows.pitch)),
            // Pairs, nothing to be scaled, and no zeros that have to be behind them.
            Values::Bf16(values)
                if !self.is_wide()
                    && self.kernel.parts() == 1
                    && rows.scales.is_none()
                    && 2 * self.kernel.steps(self.k) == self.k
                    && rows.pitch.is_multiple_of(2) =>
            {
                let words = values.as_ptr().cast::<f32>();
                words.is_aligned().then_some((words, rows.pitch / 2))
            }
            _ => None,
        }
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
        pitch_of_words(self.low() * self.kernel.parts())
    }

    /// The words that so many rows take, and those behind them that tiles read and make nothing of.
    pub(crate) fn len(self, rows: usize) -> usize {
        let behind = if self.kernel.unit.is_tiles() { 2 * MAX_LANES - 1 } else { 0 };
        (rows + behind) * self.stride()
    }

    /// Writes `rows` in the kernel's form to `room`.
    #[inline(always)]
    pub(crate) fn place<S: Simd>(self, s: S, rows: GivenRows<'_>, room: &mut [f32]) {
        let room = &mut room[..self.len(rows.count())];
        self.write(s, rows, room);
    }

    /// Writes `rows` as [`place`](Self::place) does, by a whole team; `to` has room for them.
    pub(crate) fn write_by(self, team: &Team<'_>, isa: Isa, rows: GivenRows<'_>, to: &mut [f32]) {
        let stride = self.stride();
        let to = &mut to[..rows.count() * stride];
        team.run_chunks(to, WRITTEN_ROWS * stride, |chunk, to| {
            let first = chunk * WRITTEN_ROWS;
            let rows = rows.slice(first..first + to.len() / stride);
            isa.dispatch(Write { left: self, rows, to });
        });
    }

    /// Writes `rows` to `to`, as many as there is room for.
    #[inline(always)]
    fn write<S: Simd>(self, s: S, rows: GivenRows<'_>, to: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if let (Some(unit), 1) = (self.kernel.unit.pairs(), self.kernel.parts()) {
            return unit.outline(RoundPairs(Write { left: self, rows, to }));
        }
        for (index, to) in to.chunks_exact_mut(self.stride()).take(rows.count()).enumerate() {
            self.write_row(s, rows.row(index, self.k), to);
        }
    }

    #[inline(always)]
    fn write_row<S: Simd>(self, s: S, row: GivenRow<'_>, to: &mut [f32]) {
        let (high, low) = to[..self.low() * self.kernel.parts()].split_at_mut(self.low());
        let values = if self.is_wide() { high.len() } else { 2 * high.len() };
        for first in (0..values).step_by(S::LANES) {
            let x = row.vector(s, first);
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
    rows: GivenRows<'a>,
    to: &'a mut [f32],
}

impl Op for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { left, rows, to } = self;
        left.write(s, rows, to);
    }
}

/// [`Left::write`] in one part by AVX512-BF16's own conversion, which is the same.
#[cfg(target_arch = "x86_64")]
struct RoundPairs<'a>(Write<'a>);

#[cfg(target_arch = "x86_64")]
impl Bf16Op for RoundPairs<'_> {
    #[inline(always)]
    fn run(self, unit: Avx512Bf16, s: Avx512) {
        let Self(Write { left, rows, to }) = self;
        for (index, to) in to.chunks_exact_mut(left.stride()).take(rows.count()).enumerate() {
            let row = rows.row(index, left.k);
            // A cache line of words takes two vectors of values.
            for (line, to) in to[..left.low()].chunks_exact_mut(MAX_LANES).enumerate() {
                let first = 2 * line * MAX_LANES;
                let pair = [row.vector(s, first), row.vector(s, first + MAX_LANES)];
                // SAFETY: a line of 16 words has 32 halves.
                unsafe { unit.store_rounded(to.as_mut_ptr().cast(), pair[0], pair[1]) };
            }
        }
    }
}
