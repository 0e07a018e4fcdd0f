//! Rows of the lhs in the form that a kernel reads.
//!
//! Products of `f32` read rows in place. For all other precisions a block of rows is rounded once and then multiplied by
//! one panel after another. A packed row holds the high parts of its values, then (`bf16x3`) their low parts, each padded
//! with zeros to whole cache lines. Rows are a [`row_pitch`](crate::gemm::row_pitch()) apart. A part is stored as
//!
//! - bf16 numbers, two in a word, if the unit multiplies pairs;
//! - `f32` numbers of bf16 precision, if multiply-adds emulate the product: a value is broadcast to a vector, which a load
//!   can do from 32 bits and not from 16.

use crate::cpu::Isa;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512_bf16::{Avx512Bf16, Bf16Op};
use crate::cpu::simd::{MAX_LANES, Op, Simd};
use crate::cpu::unit::Unit;
use crate::gemm::Word;
use crate::gemm::kernel::Kernel;
use crate::gemm::matrix::{LhsRow, LhsRows};
use crate::gemm::row_pitch::pitch_of_words;
use crate::memory::round_up_to_line;
use crate::number::{Numbers, Precision};
use crate::threads::Team;
use half::bf16;

/// Rows that one task of [`LhsPacking::pack_by_team`] packs.
const ROWS_PER_TASK: usize = 32;

/// The packed form of rows of `k` values for a kernel.
#[derive(Clone, Copy)]
pub(crate) struct LhsPacking {
    kernel: Kernel,
    k: usize,
}

impl LhsPacking {
    pub(crate) fn new(kernel: Kernel, k: usize) -> Self {
        Self { kernel, k }
    }

    /// Whether rows of `f32` are read in place.
    pub(crate) fn is_identity(self) -> bool {
        self.kernel.precision == Precision::F32
    }

    /// The first of `rows` and the words from one row to the next, if the kernel can read the rows in place.
    pub(crate) fn in_place(self, rows: LhsRows<'_>) -> Option<(*const Word, usize)> {
        match rows.values {
            Numbers::F32(values) if self.is_identity() => {
                Some((values.as_ptr().cast(), rows.pitch))
            }
            // Pairs, without scales, and without zeros that would have to follow them.
            Numbers::Bf16(values)
                if !self.is_widened()
                    && self.kernel.parts() == 1
                    && rows.scales.is_none()
                    && 2 * self.kernel.steps(self.k) == self.k
                    && rows.pitch.is_multiple_of(2) =>
            {
                let words = values.as_ptr().cast::<Word>();
                words.is_aligned().then_some((words, rows.pitch / 2))
            }
            _ => None,
        }
    }

    /// Whether a word holds one value, widened to `f32`.
    fn is_widened(self) -> bool {
        matches!(self.kernel.unit, Unit::Fma)
    }

    /// Words of one part of a row, which is also the distance from its high to its low parts.
    pub(crate) fn part_len(self) -> usize {
        let values_of_a_word = if self.is_widened() { 1 } else { 2 };
        round_up_to_line(self.k.div_ceil(values_of_a_word))
    }

    /// Words from row to row.
    pub(crate) fn stride(self) -> usize {
        pitch_of_words(self.part_len() * self.kernel.parts())
    }

    /// Words that `rows` packed rows take. AMX reads 32 rows at any height, so room follows for the rows it reads in
    /// excess, whose products are dropped.
    pub(crate) fn len(self, rows: usize) -> usize {
        let excess = if self.kernel.unit.is_tiles() { 2 * MAX_LANES - 1 } else { 0 };
        (rows + excess) * self.stride()
    }

    /// Packs `rows` into `to`, which has [`len`](Self::len) words for them.
    #[inline(always)]
    pub(crate) fn pack<S: Simd>(self, s: S, rows: LhsRows<'_>, to: &mut [Word]) {
        let to = &mut to[..self.len(rows.count())];
        self.pack_rows(s, rows, to);
    }

    /// Packs `rows` as [`pack`](Self::pack) does, by a whole team.
    pub(crate) fn pack_by_team(
        self,
        team: &Team<'_>,
        isa: Isa,
        rows: LhsRows<'_>,
        to: &mut [Word],
    ) {
        let stride = self.stride();
        let to = &mut to[..rows.count() * stride];
        team.run_chunks(to, ROWS_PER_TASK * stride, |chunk, to| {
            let first = chunk * ROWS_PER_TASK;
            let rows = rows.slice(first..first + to.len() / stride);
            isa.dispatch(PackRows { packing: self, rows, to });
        });
    }

    /// Packs as many of `rows` as `to` has room for.
    #[inline(always)]
    fn pack_rows<S: Simd>(self, s: S, rows: LhsRows<'_>, to: &mut [Word]) {
        #[cfg(target_arch = "x86_64")]
        if let (Some(unit), 1) = (self.kernel.unit.pairs(), self.kernel.parts()) {
            return unit.outline(PackPairs(PackRows { packing: self, rows, to }));
        }
        for (index, to) in to.chunks_exact_mut(self.stride()).take(rows.count()).enumerate() {
            self.pack_row(s, rows.row(index, self.k), to);
        }
    }

    #[inline(always)]
    fn pack_row<S: Simd>(self, s: S, row: LhsRow<'_>, to: &mut [Word]) {
        let part_len = self.part_len();
        let (high, low) = to[..part_len * self.kernel.parts()].split_at_mut(part_len);
        let values = if self.is_widened() { high.len() } else { 2 * high.len() };
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
    fn store<S: Simd>(self, s: S, part: &mut [Word], first: usize, v: S::V) {
        if self.is_widened() {
            let part: &mut [f32] = bytemuck::cast_slice_mut(part);
            s.store_slice(&mut part[first..], v);
        } else {
            let halves: &mut [bf16] = bytemuck::cast_slice_mut(part);
            let to = &mut halves[first..][..S::LANES];
            // SAFETY: `to` has a half for each lane.
            unsafe { s.store_upper_halves(to.as_mut_ptr(), v) };
        }
    }
}

/// The arguments of [`LhsPacking::pack_rows`].
struct PackRows<'a> {
    packing: LhsPacking,
    rows: LhsRows<'a>,
    to: &'a mut [Word],
}

impl Op for PackRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { packing, rows, to } = self;
        packing.pack_rows(s, rows, to);
    }
}

/// [`LhsPacking::pack_rows`] in one part, by AVX512-BF16's own conversion. The result is the same.
#[cfg(target_arch = "x86_64")]
struct PackPairs<'a>(PackRows<'a>);

#[cfg(target_arch = "x86_64")]
impl Bf16Op for PackPairs<'_> {
    #[inline(always)]
    fn run(self, unit: Avx512Bf16, s: Avx512) {
        let Self(PackRows { packing, rows, to }) = self;
        for (index, to) in to.chunks_exact_mut(packing.stride()).take(rows.count()).enumerate() {
            let row = rows.row(index, packing.k);
            // A cache line of words holds two vectors of values.
            for (line, to) in to[..packing.part_len()].chunks_exact_mut(MAX_LANES).enumerate() {
                let first = 2 * line * MAX_LANES;
                let pair = [row.vector(s, first), row.vector(s, first + MAX_LANES)];
                // SAFETY: a line of 16 words has 32 halves.
                unsafe { unit.store_rounded(to.as_mut_ptr().cast(), pair[0], pair[1]) };
            }
        }
    }
}
