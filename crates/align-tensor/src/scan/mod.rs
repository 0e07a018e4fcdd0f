//! Exact search: inner products of many rows with a few queries.
//!
//! `score[row, query] = sum over i of rows[row, i] * queries[query, i]`, all arrays row-major. Rows
//! are `f32` or `f16` and are read in place, for example in a mapped file. Queries are `f32`. Scores
//! are not stored: each score at or above a floor is reported at once, and the receiver can raise
//! the floor.
//!
//! - [`tile`]: a few rows times a few queries, in registers.
//! - [`prefilter`]: for many queries, products in 8 bits that exclude most pairs.
//!
//! A score is one chain of multiply-adds in each lane of a vector; the lanes are added at the end.
//! It depends on its row and query only. Other rows and queries of the scan do not change its bits,
//! and neither does storing the same values as `f16`.

#[cfg(target_arch = "x86_64")]
mod prefilter;
mod tile;

use crate::cpu::Isa;
use crate::cpu::simd::{Op, Simd};
use crate::memory::AlignedBuffer;
use crate::number::Numbers;
use crate::number::sizes::product;
use crate::scan::tile::{RowElement, Tile};

/// Queries in the layout of [`scan`](Self::scan).
///
/// ```
/// use align_tensor::{Isa, Numbers, ScanQueries};
///
/// let queries = ScanQueries::new(Isa::best(), &[1.0, 0.0, 0.0, 1.0], 2);
/// let rows = [0.6, 0.8, 0.8, -0.6, 0.0, 1.0];
/// let mut best = [(0, f32::MIN); 2];
/// queries.scan(Numbers::F32(&rows), &mut [0.0; 2], &mut |query, row, score| {
///     best[query] = (row, score);
///     score.next_up()
/// });
/// assert_eq!(best, [(1, 0.8), (2, 1.0)]);
/// ```
#[derive(Clone, Debug)]
pub struct ScanQueries {
    isa: Isa,
    dim: usize,
    /// `[count, dim]`, row-major. Aligned, because most loads of a tile are loads of queries.
    values: AlignedBuffer<f32>,
    #[cfg(target_arch = "x86_64")]
    prefilter: Option<prefilter::Prefilter>,
}

/// Receives a score: it is called with the query, the row and the score, and returns the new floor
/// of the query.
type Found<'a> = &'a mut dyn FnMut(usize, usize, f32) -> f32;

impl ScanQueries {
    /// Queries `[count, dim]`.
    ///
    /// # Panics
    /// If `dim` is zero or `queries` does not have a whole number of rows.
    pub fn new(isa: Isa, queries: &[f32], dim: usize) -> Self {
        assert!(dim > 0 && queries.len().is_multiple_of(dim), "queries [count, {dim}]");
        let mut values = AlignedBuffer::zeroed(queries.len());
        values.copy_from_slice(queries);
        Self {
            isa,
            dim,
            values,
            #[cfg(target_arch = "x86_64")]
            prefilter: prefilter::Prefilter::new(isa, queries, dim),
        }
    }

    /// The number of queries.
    pub fn count(&self) -> usize {
        self.values.len() / self.dim
    }

    /// The number of values of a query or row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Scans `rows [_, dim]` of `f32` or `f16`. Calls `found(query, row, score)` for every score that
    /// is at or above `floors[query]`, and sets that floor to the result of `found`. The rows of one
    /// query come in order. A score that is NaN is never reported. Only the calling thread works.
    ///
    /// # Panics
    /// If `rows` has another format or not a whole number of rows, or if `floors` does not have one
    /// value for each query.
    pub fn scan(&self, rows: Numbers<'_>, floors: &mut [f32], found: Found<'_>) {
        assert!(rows.len().is_multiple_of(self.dim), "rows of {} values", self.dim);
        assert_eq!(floors.len(), self.count(), "a floor for each query");
        match rows {
            Numbers::F32(rows) => self.run(Scan { queries: self, rows, floors, found }),
            Numbers::F16(rows) => self.run(Scan { queries: self, rows, floors, found }),
            other => panic!("rows of {:?}: expected F32 or F16", other.format()),
        }
    }

    fn run<'a, T: RowElement>(&'a self, scan: Scan<'a, T>) {
        #[cfg(target_arch = "x86_64")]
        if let Some(prefilter) = &self.prefilter {
            prefilter.scan(scan);
            return;
        }
        self.isa.dispatch(scan);
    }
}

/// The fewest queries for which a row is widened once for all of them.
const WIDENED_FROM: usize = 5;

/// Tiles of rows that are widened together. The queries of one tile are read once for all of these
/// rows, because the first-level cache holds both. It does not hold all queries.
const TILES: usize = 3;

/// A scan whose sizes have been checked.
struct Scan<'a, T> {
    queries: &'a ScanQueries,
    rows: &'a [T],
    floors: &'a mut [f32],
    found: Found<'a>,
}

impl<T: RowElement> Op for Scan<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let height = tile::full_height::<S>(self.queries.count());
        let height = if self.is_widened() { TILES * height } else { height };
        let mut room = self.room(height);
        for (index, rows) in self.rows.chunks(product([height, self.queries.dim])).enumerate() {
            self.score_all(s, rows, index * height, &mut room);
        }
    }
}

impl<T: RowElement> Scan<'_, T> {
    /// Whether rows are widened once for all queries.
    fn is_widened(&self) -> bool {
        self.queries.count() >= WIDENED_FROM
    }

    /// Memory for `height` widened rows, if rows are widened.
    fn room(&self, height: usize) -> AlignedBuffer<f32> {
        let height = if self.is_widened() { height } else { 0 };
        AlignedBuffer::zeroed(product([height, self.queries.dim]))
    }

    /// Scores rows with all queries. `first` is the number of the first row, and `room` has memory
    /// for these rows.
    #[inline(always)]
    fn score_all<S: Simd>(&mut self, s: S, rows: &[T], first: usize, room: &mut [f32]) {
        if self.is_widened() {
            let rows = T::widen(s, rows, room);
            self.score(s, rows, first, false);
        } else {
            self.score(s, rows, first, true);
        }
    }
}

impl<T> Scan<'_, T> {
    /// Scores rows with all queries. `first` is the number of the first row. `prefetches` is for rows
    /// that are in memory and not in the cache.
    #[inline(always)]
    fn score<S: Simd, R: RowElement>(&mut self, s: S, rows: &[R], first: usize, prefetches: bool) {
        let (dim, count) = (self.queries.dim, self.queries.count());
        let tile = tile::full_height::<S>(count);
        let mut query = 0;
        while query < count {
            let width = (count - query).min(tile::WIDTH);
            let queries = &self.queries.values[query * dim..][..width * dim];
            for (index, rows) in rows.chunks(tile * dim).enumerate() {
                let first = first + index * tile;
                let scores = s.outline(Tile { rows, queries, dim, prefetches });
                for (row, scores) in scores[..rows.len() / dim].iter().enumerate() {
                    for (column, &score) in scores[..width].iter().enumerate() {
                        self.report(query + column, first + row, score);
                    }
                }
            }
            query += width;
        }
    }

    /// Reports a score if it reaches the floor of its query.
    #[inline(always)]
    fn report(&mut self, query: usize, row: usize, score: f32) {
        let floor = &mut self.floors[query];
        if score >= *floor {
            *floor = (self.found)(query, row, score);
        }
    }
}

#[cfg(test)]
mod tests;
