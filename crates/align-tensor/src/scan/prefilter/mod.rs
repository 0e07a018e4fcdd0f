//! The prefilter: products in 8 bits that find the few pairs which need a score.
//!
//! A row `x` is `s (X + e)` and a query `q` is `t (Q + f)`. `X` and `Q` are integers of at most 127,
//! `e` and `f` the rounding errors. By Cauchy and Schwarz
//!
//! ```text
//! |x . q - s t X . Q| = |x . t f + s e . (q - t f)| <= |x| |t f| + |s e| (|q| + |t f|)
//! ```
//!
//! so a row whose `s t X . Q` is below the floor by more than this bound cannot reach the floor. All
//! other rows are scored as in every scan, so the prefilter changes no score and loses none. One
//! instruction multiplies four pairs of bytes in each lane, and a multiply-add only one pair of
//! `f32`. That pays off with many queries, when products and not memory limit a scan.

use std::arch::x86_64::*;

use crate::cpu::simd::avx512::Avx512;
use crate::cpu::simd::avx512_vnni::{Avx512Vnni, VnniOp};
use crate::cpu::simd::{Simd, prefetch};
use crate::cpu::{Isa, IsaName};
use crate::memory::AlignedBuffer;
use crate::scan::tile::{RowElement, Tile};
use crate::scan::{Scan, ScanQueries};

/// The fewest queries that are prefiltered. Fewer are scored in less time than rows are rounded.
const FEWEST_QUERIES: usize = 8;

/// Queries of a panel: one in each lane of a vector.
const PANEL: usize = 16;

/// Rows that are rounded together. They stay in the first-level cache and are whole tiles of each
/// height.
const BLOCK: usize = 24;

/// If more than one pair in this many has to be scored, the prefilter costs more than it saves. Some
/// blocks are then scored without it before the next attempt.
const WORTH: usize = 8;

/// Blocks of the first pause. Each later pause is twice as long.
const PAUSE: usize = 16;

/// The largest integer of a rounded value.
const LARGEST: f32 = 127.0;

/// `1.5 * 2^23 + 128`: added to a number of at most 127, it leaves the nearest integer plus 128 in
/// the lowest byte of the sum's bits.
const ROUNDER: f32 = 12_582_912.0 + 128.0;

/// Whether vectors of this largest magnitude have a bound. Squares and products of others could
/// overflow or lose more than their last bits. Zeros are exact.
fn has_bound(largest: f32) -> bool {
    largest == 0.0 || (1e-15..=1e15).contains(&largest)
}

/// More than the relative rounding error of a sum of squares or of a product.
const SLACK: f32 = 1.0 + 1e-4;

/// Four consecutive values of each query of a panel, rounded: a vector of bytes.
type QueryBytes = [[i8; 4]; PANEL];

/// Consecutive values of a row, rounded: a byte for each lane of a vector.
type RowBytes = [u8; Avx512::LANES];

/// Queries rounded to bytes.
///
/// Arrays by query are padded with zeros to whole panels.
#[derive(Clone, Debug)]
pub(super) struct Prefilter {
    unit: Avx512Vnni,
    /// `Q`: `[panel][dim / 4]`, zeros after the last query and value.
    bytes: AlignedBuffer<QueryBytes>,
    /// By query: the scale `t`.
    scales: AlignedBuffer<f32>,
    /// By query: `|t f|` plus a bound on the rounding error of the score, for each unit of `|x|`.
    errors: AlignedBuffer<f32>,
    /// By query: `|q| + |t f|`, for each unit of a row's `|s e|`.
    reaches: AlignedBuffer<f32>,
    /// By query: the part of the product that comes from the 128 added to each value of a row.
    offsets: Vec<i32>,
}

impl Prefilter {
    /// The prefilter for queries `[count, dim]`. None if the CPU has no AVX512-VNNI, the instruction
    /// set is lower than AVX-512, or a prefilter would not help.
    pub(super) fn new(isa: Isa, queries: &[f32], dim: usize) -> Option<Self> {
        let count = queries.len() / dim;
        // The sum of this many products of bytes, each at most 255 * 127 in magnitude, fits an
        // i32. The rounding error of this many squares is less than `SLACK` allows.
        let fits = dim <= 1 << 14;
        if isa.name() < IsaName::Avx512 || count < FEWEST_QUERIES || !fits {
            return None;
        }
        let unit = Avx512Vnni::detect()?;
        let padded = count.next_multiple_of(PANEL);
        let quads = dim.div_ceil(4);
        let zeros = || AlignedBuffer::zeroed(padded);
        let (mut scales, mut errors, mut reaches) = (zeros(), zeros(), zeros());
        let mut offsets = vec![0; padded];
        let mut bytes = AlignedBuffer::<QueryBytes>::zeroed(padded / PANEL * quads);
        for (index, query) in queries.chunks_exact(dim).enumerate() {
            let (panel, lane) = (index / PANEL, index % PANEL);
            let panel = &mut bytes[panel * quads..][..quads];
            let largest = query.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            let scale = largest / LARGEST;
            let (mut sum, mut square, mut lost) = (0, 0.0f64, 0.0f64);
            for (i, &x) in query.iter().enumerate() {
                // Zero divided by zero is NaN, whose cast is zero. The result for infinity does not
                // matter, because such queries have no bound.
                let rounded = (x / scale).round() as i8;
                panel[i / 4][lane][i % 4] = rounded;
                sum += i32::from(rounded);
                square += f64::from(x) * f64::from(x);
                lost += (f64::from(x) - f64::from(scale) * f64::from(rounded)).powi(2);
            }
            let (length, lost) = (square.sqrt() as f32 * SLACK, lost.sqrt() as f32 * SLACK);
            // A score has at most one rounding for each term and lane, of half an epsilon each. The
            // other half covers the arithmetic of the bound and the error of a row's `e`, which is
            // measured with a rounded reciprocal of the scale.
            let rounding = (dim + 64) as f32 * f32::EPSILON * length;
            // `f32::max` ignores NaN, so it may be missing in `largest`. It is in the length.
            let is_bounded = has_bound(largest) && length.is_finite();
            scales[index] = if is_bounded { scale } else { 0.0 };
            errors[index] = if is_bounded { lost + rounding } else { f32::INFINITY };
            reaches[index] = if is_bounded { length + lost } else { f32::INFINITY };
            offsets[index] = 128 * sum;
        }
        Some(Self { unit, bytes, scales, errors, reaches, offsets })
    }

    /// Scans with the prefilter. Returns the number of pairs that passed it.
    pub(super) fn scan<'a, T: RowElement>(&'a self, scan: Scan<'a, T>) -> usize {
        self.unit.outline(PrefilteredScan { prefilter: self, scan })
    }
}

/// A scan with a prefilter.
struct PrefilteredScan<'a, T> {
    prefilter: &'a Prefilter,
    scan: Scan<'a, T>,
}

/// A block of rows rounded to bytes.
struct RoundedRows {
    /// Vectors of a row.
    vectors: usize,
    /// `X + 128`: `[BLOCK, vectors]`.
    bytes: AlignedBuffer<RowBytes>,
    /// By row: the scale `s`.
    scales: [f32; BLOCK],
    /// By row: `|x|`.
    lengths: [f32; BLOCK],
    /// By row: `|s e|`.
    errors: [f32; BLOCK],
}

impl<T: RowElement> VnniOp for PrefilteredScan<'_, T> {
    type Output = usize;

    #[inline(always)]
    fn run(mut self, unit: Avx512Vnni, s: Avx512) -> usize {
        let (dim, count) = (self.scan.queries.dim, self.scan.queries.count());
        let vectors = dim.div_ceil(Avx512::LANES);
        let mut rounded = RoundedRows {
            vectors,
            bytes: AlignedBuffer::zeroed(BLOCK * vectors),
            scales: [0.0; BLOCK],
            lengths: [0.0; BLOCK],
            errors: [0.0; BLOCK],
        };
        // Allocated on demand: most scans never score all pairs of a block.
        let mut room = None;
        let (mut pause, mut next_pause, mut all_scored) = (0, PAUSE, 0);
        for (index, rows) in self.scan.rows.chunks(BLOCK * dim).enumerate() {
            let first = index * BLOCK;
            if pause > 0 {
                pause -= 1;
                let room = room.get_or_insert_with(|| self.scan.room(BLOCK));
                self.scan.score_all(s, rows, first, room);
                continue;
            }
            for (row, values) in rows.chunks_exact(dim).enumerate() {
                rounded.round(s, row, values);
            }
            let mut scored = 0;
            for panel in (0..count.div_ceil(PANEL)).step_by(4) {
                scored += match count.div_ceil(PANEL) - panel {
                    1 => self.score_passing::<12, 1>(unit, s, rows, first, &rounded, panel),
                    2 => self.score_passing::<12, 2>(unit, s, rows, first, &rounded, panel),
                    3 => self.score_passing::<8, 3>(unit, s, rows, first, &rounded, panel),
                    _ => self.score_passing::<6, 4>(unit, s, rows, first, &rounded, panel),
                };
            }
            if scored * WORTH > rows.len() / dim * count {
                pause = next_pause;
                next_pause *= 2;
            }
            all_scored += scored;
        }
        all_scored
    }
}

impl RoundedRows {
    /// Rounds row number `row` of the block.
    #[inline(always)]
    fn round<T: RowElement>(&mut self, s: Avx512, row: usize, values: &[T]) {
        let mut largest = s.zero();
        for i in (0..values.len()).step_by(Avx512::LANES) {
            // Memory limits the speed, and the hardware prefetcher stops at the end of a page.
            prefetch(values.as_ptr().wrapping_add(i + AHEAD * values.len()));
            largest = s.max(s.abs(load(s, values, i)), largest);
        }
        let largest = s.reduce_max(largest);
        let scale = largest / LARGEST;
        let inverse = if scale > 0.0 { s.splat(1.0 / scale) } else { s.zero() };
        let rounder = s.splat(ROUNDER);
        let (mut square, mut lost) = (s.zero(), s.zero());
        let bytes = &mut self.bytes[row * self.vectors..][..self.vectors];
        for (i, bytes) in (0..values.len()).step_by(Avx512::LANES).zip(bytes) {
            let x = load(s, values, i);
            let sum = s.mul_add(x, inverse, rounder);
            let integer = s.sub(sum, rounder);
            let error = s.mul_add(x, inverse, s.sub(rounder, sum));
            square = s.mul_add(integer, integer, square);
            lost = s.mul_add(error, error, lost);
            store_lowest_bytes(s, bytes, sum);
        }
        let (square, lost) = (s.reduce_add(square).sqrt(), s.reduce_add(lost).sqrt());
        let lost = scale * lost * SLACK;
        let length = scale * square * SLACK + lost;
        // A NaN is in the length, even if it is missing in `largest`.
        let is_bounded = has_bound(largest) && length.is_finite();
        self.scales[row] = if is_bounded { scale } else { 0.0 };
        self.lengths[row] = if is_bounded { length } else { f32::INFINITY };
        self.errors[row] = if is_bounded { lost } else { f32::INFINITY };
    }
}

/// Distance in rows from the row that is rounded to the row that is prefetched.
const AHEAD: usize = 4;

/// Loads a vector of a row's values from index `i` on, with zeros after the last value.
#[inline(always)]
fn load<T: RowElement>(s: Avx512, values: &[T], i: usize) -> __m512 {
    let values = &values[i..];
    // SAFETY: `values` has `LANES` values, or the number of values that are loaded.
    unsafe {
        match values.len() {
            Avx512::LANES.. => T::load(s, values.as_ptr()),
            rest => T::load_first(s, values.as_ptr(), rest),
        }
    }
}

/// Stores the lowest byte of each lane's bits.
#[inline(always)]
fn store_lowest_bytes(_: Avx512, bytes: &mut RowBytes, v: __m512) {
    // SAFETY: the token proves AVX-512, and 16 bytes are writable.
    unsafe {
        let lowest = _mm512_cvtepi32_epi8(_mm512_castps_si512(v));
        _mm_storeu_si128(bytes.as_mut_ptr().cast(), lowest);
    }
}

impl<T: RowElement> PrefilteredScan<'_, T> {
    /// Multiplies a block of rounded rows with `P` panels of queries from index `panel` on, `H` rows
    /// at a time. Scores the pairs that may reach their floors and returns their number. `first` is
    /// the number of the block's first row.
    #[inline(always)]
    fn score_passing<const H: usize, const P: usize>(
        &mut self,
        unit: Avx512Vnni,
        s: Avx512,
        rows: &[T],
        first: usize,
        rounded: &RoundedRows,
        panel: usize,
    ) -> usize {
        let count = rows.len() / self.scan.queries.dim;
        let mut scored = 0;
        for row in (0..count).step_by(H) {
            let products = self.products::<H, P>(unit, s, rounded, row, panel);
            for (row, products) in (row..count.min(row + H)).zip(&products) {
                for (panel, &product) in (panel..).zip(products) {
                    let mut may_reach = self.may_reach(s, rounded, row, panel, product);
                    while may_reach != 0 {
                        let query = panel * PANEL + may_reach.trailing_zeros() as usize;
                        may_reach &= may_reach - 1;
                        self.score(s, rows, first, row, query);
                        scored += 1;
                    }
                }
            }
        }
        scored
    }

    /// `(X + 128) . Q` for `H` rounded rows from index `row` on and `P` panels.
    #[inline(always)]
    fn products<const H: usize, const P: usize>(
        &self,
        unit: Avx512Vnni,
        _: Avx512,
        rounded: &RoundedRows,
        row: usize,
        panel: usize,
    ) -> [[__m512i; P]; H] {
        let quads = self.scan.queries.dim.div_ceil(4);
        let rows = &rounded.bytes[row * rounded.vectors..][..H * rounded.vectors];
        let rows: &[u32] = bytemuck::cast_slice(rows);
        let stride = 4 * rounded.vectors;
        let queries = &self.prefilter.bytes[panel * quads..][..P * quads];
        assert!(quads <= stride);
        // SAFETY: the token proves AVX-512.
        let mut sums = [[unsafe { _mm512_setzero_si512() }; P]; H];
        for quad in 0..quads {
            let queries: [__m512i; P] = std::array::from_fn(
                #[inline(always)]
                |p| {
                    let at = p * quads + quad;
                    // SAFETY: `queries` has `P` panels of `quads` vectors.
                    unsafe { _mm512_loadu_si512(queries.as_ptr().add(at).cast()) }
                },
            );
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `rows` has `H` rows of `stride >= quads`.
                let x = unsafe { *rows.get_unchecked(row * stride + quad) };
                for (sum, &query) in sums.iter_mut().zip(&queries) {
                    *sum = unit.multiply_bytes(x, query, *sum);
                }
            }
        }
        sums
    }

    /// A mask of the queries of a panel whose floor a rounded row may reach.
    #[inline(always)]
    fn may_reach(
        &self,
        s: Avx512,
        rounded: &RoundedRows,
        row: usize,
        panel: usize,
        product: __m512i,
    ) -> u16 {
        let at = panel * PANEL;
        let prefilter = self.prefilter;
        let floors = &self.scan.floors[at..];
        let there = floors.len().min(PANEL);
        let floors = s.load_tail(&floors[..there]);
        let offsets: &[i32; PANEL] =
            prefilter.offsets[at..].first_chunk().expect("offsets of whole panels");
        // SAFETY: the token proves AVX-512, and a panel has 16 offsets.
        let product = unsafe {
            _mm512_cvtepi32_ps(_mm512_sub_epi32(
                product,
                _mm512_loadu_si512(offsets.as_ptr().cast()),
            ))
        };
        let scales = s.mul(s.splat(rounded.scales[row]), s.load_slice(&prefilter.scales[at..]));
        let bound = s.mul(s.splat(rounded.lengths[row]), s.load_slice(&prefilter.errors[at..]));
        let bound =
            s.mul_add(s.splat(rounded.errors[row]), s.load_slice(&prefilter.reaches[at..]), bound);
        let highest = s.mul_add(product, scales, bound);
        // The comparison is false for NaN (infinity times zero), so the pair is scored.
        // SAFETY: the token proves AVX-512.
        let below = unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(highest, floors) };
        !below & (u16::MAX >> (PANEL - there))
    }

    /// Scores a row of a block with a query, and reports the score if it reaches the floor.
    #[inline(always)]
    fn score(&mut self, s: Avx512, rows: &[T], first: usize, row: usize, query: usize) {
        let ScanQueries { dim, ref values, .. } = *self.scan.queries;
        let scores = s.outline(Tile {
            rows: &rows[row * dim..][..dim],
            queries: &values[query * dim..][..dim],
            dim,
            prefetches: false,
        });
        self.scan.report(query, first + row, scores[0][0]);
    }
}

#[cfg(test)]
mod tests;
