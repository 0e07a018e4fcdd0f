//! A first look at rows in bytes, which finds the few that need a score.
//!
//! A row `x` is `s (X + e)` and a query `q` is `t (Q + f)`, with `X` and `Q` integers of at most
//! 127 and `e` and `f` what rounding took away. By Cauchy and Schwarz
//!
//! ```text
//! |x . q - s t X . Q| = |x . t f + s e . (q - t f)| <= |x| |t f| + |s e| (|q| + |t f|)
//! ```
//!
//! so a row whose `s t X . Q` is below the floor by more than that cannot reach it. The others are
//! scored as every scan scores: screening changes no score and loses none. In each lane one
//! instruction multiplies four pairs of bytes, where a multiply-add takes one pair of `f32`, and with
//! many queries a scan is bound by products, not by memory.

use std::arch::x86_64::*;

use super::tile::{RowElement, Tile};
use super::{Scan, ScanQueries};
use crate::cpu::simd::avx512::Avx512;
use crate::cpu::simd::avx512_vnni::{Avx512Vnni, VnniOp};
use crate::cpu::simd::{Simd, prefetch};
use crate::cpu::{Isa, IsaName};
use crate::memory::{AlignedBuffer, round_up_to_line};

/// Fewer queries are multiplied faster than rows are rounded.
const FEWEST_QUERIES: usize = 8;

/// Queries side by side in a vector.
const PANEL: usize = 16;

/// Rows that are rounded together, to stay in the first-level cache: whole tiles of each height.
const BLOCK: usize = 24;

/// Where more than one pair in so many has to be scored, screening costs more than it saves: some
/// blocks are scored without before the next try.
const WORTH: usize = 8;

/// The blocks of the first pause; each that follows is twice as long.
const PAUSE: usize = 16;

/// The largest integer of a rounded value.
const LARGEST: f32 = 127.0;

/// `1.5 * 2^23 + 128`: added to a number of at most 127, it leaves the nearest integer plus 128 in
/// the lowest byte of the sum's bits.
const ROUNDER: f32 = 12_582_912.0 + 128.0;

/// Whether vectors of this largest magnitude are screened: squares and products of others could
/// overflow or lose more than their last bits. Zeros are exact.
fn is_screened(largest: f32) -> bool {
    largest == 0.0 || (1e-15..=1e15).contains(&largest)
}

/// A little more than a sum of squares, or a product, loses to rounding.
const SLACK: f32 = 1.0 + 1e-4;

/// Queries rounded to bytes.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    unit: Avx512Vnni,
    /// `[panel][dim / 4][PANEL][4]` signed bytes, zeros behind the last query and value.
    bytes: AlignedBuffer<f32>,
    /// By query, as the following, zeros behind the last: the scale `t`.
    scales: AlignedBuffer<f32>,
    /// `|t f|`, and room for what a score itself loses to rounding, for each unit of `|x|`.
    errors: AlignedBuffer<f32>,
    /// `|q| + |t f|`, for each unit of a row's `|s e|`.
    reaches: AlignedBuffer<f32>,
    /// What the 128 that is added to each value of a row adds to the product.
    offsets: Vec<i32>,
}

impl Screen {
    /// The screen for queries `[count, dim]`, where the CPU has the instructions, the instruction
    /// set may use them, and screening helps.
    pub(super) fn new(isa: Isa, queries: &[f32], dim: usize) -> Option<Self> {
        let count = queries.len() / dim;
        // So many products of bytes, of at most 255 * 127 in magnitude, fit an i32; and so many
        // squares lose less than `SLACK` gives.
        let fits = dim <= 1 << 14;
        if isa.name() < IsaName::Avx512 || count < FEWEST_QUERIES || !fits {
            return None;
        }
        let unit = Avx512Vnni::detect()?;
        let padded = count.next_multiple_of(PANEL);
        let quads = dim.div_ceil(4);
        let zeros = || AlignedBuffer::<f32>::zeroed(padded);
        let (mut scales, mut errors, mut reaches) = (zeros(), zeros(), zeros());
        let mut offsets = vec![0; padded];
        let mut bytes = AlignedBuffer::<f32>::zeroed(padded * quads);
        let all = bytemuck::cast_slice_mut::<f32, i8>(&mut bytes);
        for (index, query) in queries.chunks_exact(dim).enumerate() {
            let (panel, lane) = (index / PANEL, index % PANEL);
            let panel = &mut all[panel * quads * PANEL * 4..][..quads * PANEL * 4];
            let largest = query.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            let scale = largest / LARGEST;
            let (mut sum, mut square, mut lost) = (0, 0.0f64, 0.0f64);
            for (i, &x) in query.iter().enumerate() {
                // Zero divided by zero is NaN, whose cast is zero. What infinity gives does not
                // matter: such queries have no bound.
                let rounded = (x / scale).round() as i8;
                panel[(i / 4 * PANEL + lane) * 4 + i % 4] = rounded;
                sum += i32::from(rounded);
                square += f64::from(x) * f64::from(x);
                lost += (f64::from(x) - f64::from(scale) * f64::from(rounded)).powi(2);
            }
            let (length, lost) = (square.sqrt() as f32 * SLACK, lost.sqrt() as f32 * SLACK);
            // Of a score: no more roundings than terms and lanes, of half an epsilon each. As much
            // again for the arithmetic of the bound, and for a row's `e`, which is measured with
            // a rounded reciprocal of its scale.
            let rounding = (dim + 64) as f32 * f32::EPSILON * length;
            // NaN may have been lost from `largest`, but not from the length.
            let is_bounded = is_screened(largest) && length.is_finite();
            scales[index] = if is_bounded { scale } else { 0.0 };
            errors[index] = if is_bounded { lost + rounding } else { f32::INFINITY };
            reaches[index] = if is_bounded { length + lost } else { f32::INFINITY };
            offsets[index] = 128 * sum;
        }
        Some(Self { unit, bytes, scales, errors, reaches, offsets })
    }

    /// Scans with a first look; returns how many pairs that did not rule out.
    pub(super) fn scan<'a, T: RowElement>(&'a self, scan: Scan<'a, T>) -> usize {
        self.unit.outline(Screened { screen: self, scan })
    }
}

/// A scan with a first look.
struct Screened<'a, T> {
    screen: &'a Screen,
    scan: Scan<'a, T>,
}

/// Rows rounded to bytes.
struct Rounded {
    /// Values of a row, those behind its end included.
    stride: usize,
    /// `[BLOCK, stride]` bytes: `X + 128`.
    bytes: AlignedBuffer<f32>,
    /// By row: the scale `s`, `|x|` and `|s e|`.
    scales: [f32; BLOCK],
    lengths: [f32; BLOCK],
    errors: [f32; BLOCK],
}

impl<T: RowElement> VnniOp for Screened<'_, T> {
    type Output = usize;

    #[inline(always)]
    fn run(mut self, unit: Avx512Vnni, s: Avx512) -> usize {
        let (dim, count) = (self.scan.queries.dim, self.scan.queries.count());
        let stride = round_up_to_line(dim);
        let mut rounded = Rounded {
            stride,
            bytes: AlignedBuffer::zeroed(BLOCK * stride / 4),
            scales: [0.0; BLOCK],
            lengths: [0.0; BLOCK],
            errors: [0.0; BLOCK],
        };
        // Most scans never score all pairs of a block.
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
                    1 => self.look::<12, 1>(unit, s, rows, first, &rounded, panel),
                    2 => self.look::<12, 2>(unit, s, rows, first, &rounded, panel),
                    3 => self.look::<8, 3>(unit, s, rows, first, &rounded, panel),
                    _ => self.look::<6, 4>(unit, s, rows, first, &rounded, panel),
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

impl Rounded {
    /// Rounds row number `row` of the block.
    #[inline(always)]
    fn round<T: RowElement>(&mut self, s: Avx512, row: usize, values: &[T]) {
        let mut largest = s.zero();
        for i in (0..values.len()).step_by(Avx512::LANES) {
            // What is read next: memory is the limit, and pages end the processor's own fetching.
            prefetch(values.as_ptr().wrapping_add(i + AHEAD * values.len()));
            largest = s.max(s.abs(load(s, values, i)), largest);
        }
        let largest = s.reduce_max(largest);
        let scale = largest / LARGEST;
        let inverse = if scale > 0.0 { s.splat(1.0 / scale) } else { s.zero() };
        let rounder = s.splat(ROUNDER);
        let (mut square, mut lost) = (s.zero(), s.zero());
        let bytes = &mut bytemuck::cast_slice_mut::<f32, u8>(&mut self.bytes)[row * self.stride..]
            [..self.stride];
        for i in (0..values.len()).step_by(Avx512::LANES) {
            let x = load(s, values, i);
            let sum = s.mul_add(x, inverse, rounder);
            let integer = s.sub(sum, rounder);
            let error = s.mul_add(x, inverse, s.sub(rounder, sum));
            square = s.mul_add(integer, integer, square);
            lost = s.mul_add(error, error, lost);
            store_lowest_bytes(s, &mut bytes[i..], sum);
        }
        let (square, lost) = (s.reduce_add(square).sqrt(), s.reduce_add(lost).sqrt());
        let lost = scale * lost * SLACK;
        let length = scale * square * SLACK + lost;
        // NaN of a value is in the length, whatever `largest` made of it.
        let is_bounded = is_screened(largest) && length.is_finite();
        self.scales[row] = if is_bounded { scale } else { 0.0 };
        self.lengths[row] = if is_bounded { length } else { f32::INFINITY };
        self.errors[row] = if is_bounded { lost } else { f32::INFINITY };
    }
}

/// Rows that are fetched ahead of the one that is rounded.
const AHEAD: usize = 4;

/// Loads a vector of a row's values from number `i` on, zeros behind the last.
#[inline(always)]
fn load<T: RowElement>(s: Avx512, values: &[T], i: usize) -> __m512 {
    let values = &values[i..];
    // SAFETY: `LANES` values are there, or as many as are loaded.
    unsafe {
        match values.len() {
            Avx512::LANES.. => T::load(s, values.as_ptr()),
            rest => T::load_first(s, values.as_ptr(), rest),
        }
    }
}

/// Stores the lowest byte of each lane's bits.
#[inline(always)]
fn store_lowest_bytes(_: Avx512, bytes: &mut [u8], v: __m512) {
    let bytes: &mut [u8; 16] = bytes.first_chunk_mut().expect("a row's bytes fill whole lines");
    // SAFETY: the token proves AVX-512, and 16 bytes are writable.
    unsafe {
        let lowest = _mm512_cvtepi32_epi8(_mm512_castps_si512(v));
        _mm_storeu_si128(bytes.as_mut_ptr().cast(), lowest);
    }
}

impl<T: RowElement> Screened<'_, T> {
    /// Looks at some rounded rows, the first of them number `first`, beside `P` panels of queries
    /// from number `panel` on, `H` rows at a time; scores what may reach its floor, and returns how
    /// many pairs that were.
    #[inline(always)]
    fn look<const H: usize, const P: usize>(
        &mut self,
        unit: Avx512Vnni,
        s: Avx512,
        rows: &[T],
        first: usize,
        rounded: &Rounded,
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

    /// `(X + 128) . Q` of `H` rounded rows from number `row` on, and `P` panels.
    #[inline(always)]
    fn products<const H: usize, const P: usize>(
        &self,
        unit: Avx512Vnni,
        _: Avx512,
        rounded: &Rounded,
        row: usize,
        panel: usize,
    ) -> [[__m512i; P]; H] {
        let quads = self.scan.queries.dim.div_ceil(4);
        let stride = rounded.stride / 4;
        let rows = &bytemuck::cast_slice::<f32, u32>(&rounded.bytes)[row * stride..][..H * stride];
        let queries = &self.screen.bytes[panel * quads * PANEL..][..P * quads * PANEL];
        assert!(quads <= stride);
        // SAFETY: the token proves AVX-512.
        let mut sums = [[unsafe { _mm512_setzero_si512() }; P]; H];
        for quad in 0..quads {
            let queries: [__m512i; P] = std::array::from_fn(
                #[inline(always)]
                |p| {
                    let at = (p * quads + quad) * PANEL;
                    // SAFETY: `queries` has `P` panels of `quads` lines of 16.
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

    /// Which queries of a panel a rounded row may reach the floor of, a bit each.
    #[inline(always)]
    fn may_reach(
        &self,
        s: Avx512,
        rounded: &Rounded,
        row: usize,
        panel: usize,
        product: __m512i,
    ) -> u16 {
        let at = panel * PANEL;
        let screen = self.screen;
        let floors = &self.scan.floors[at..];
        let there = floors.len().min(PANEL);
        let floors = s.load_tail(&floors[..there]);
        let offsets: &[i32; PANEL] =
            screen.offsets[at..].first_chunk().expect("offsets of whole panels");
        // SAFETY: the token proves AVX-512, and a panel's offsets are 16.
        let product = unsafe {
            _mm512_cvtepi32_ps(_mm512_sub_epi32(
                product,
                _mm512_loadu_si512(offsets.as_ptr().cast()),
            ))
        };
        let scales = s.mul(s.splat(rounded.scales[row]), s.load_slice(&screen.scales[at..]));
        let bound = s.mul(s.splat(rounded.lengths[row]), s.load_slice(&screen.errors[at..]));
        let bound =
            s.mul_add(s.splat(rounded.errors[row]), s.load_slice(&screen.reaches[at..]), bound);
        let highest = s.mul_add(product, scales, bound);
        // SAFETY: the token proves AVX-512. NaN (infinity times zero) is not below, so the pair is
        // scored.
        let below = unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(highest, floors) };
        !below & (u16::MAX >> (PANEL - there))
    }

    /// Scores a row of a block with a query, and hands it on where it reaches the floor.
    #[inline(always)]
    fn score(&mut self, s: Avx512, rows: &[T], first: usize, row: usize, query: usize) {
        let ScanQueries { dim, ref values, .. } = *self.scan.queries;
        let scores = s.outline(Tile {
            rows: &rows[row * dim..][..dim],
            queries: &values[query * dim..][..dim],
            dim,
            are_fetched: false,
        });
        self.scan.hand_on(query, first + row, scores[0][0]);
    }
}

#[cfg(test)]
mod tests;
