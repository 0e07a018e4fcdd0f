//! Inner products of many rows with a few queries: exact search.
//!
//! `score[row, query] = sum over i of rows[row, i] * queries[query, i]`, rows of `f32` or `f16`
//! where they lie (a mapped file, for instance), queries of `f32`; all row-major. Scores are not
//! stored: those at or above a floor are handed on as they are found, and whoever takes them
//! raises the floor.
//!
//! - [`tile`]: a few rows times a few queries, in registers.
//! - [`screen`]: with many queries, a look at rows in bytes first.
//!
//! A score is one chain of multiply-adds for each lane of a vector, whose lanes are added at the
//! end. It depends on the row and the query alone: the same bits whichever other rows and queries
//! are scanned with them, and whether the row is `f32` or the same values in `f16`.

#[cfg(target_arch = "x86_64")]
mod screen;
mod tile;

use half::f16;
use std::ops::Range;

use crate::cpu::Isa;
use crate::cpu::simd::{Op, Simd};
use crate::memory::AlignedBuffer;
use crate::number::sizes::product;
use tile::{RowElement, Tile};

/// Rows to be scanned, one after another.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// In single precision.
    F32(&'a [f32]),
    /// In half precision, widened as they are read.
    F16(&'a [f16]),
}

impl<'a> Rows<'a> {
    /// The number of values of all rows.
    pub fn len(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Some of the values.
    ///
    /// # Panics
    /// Where the range reaches beyond the end.
    pub fn slice(self, values: Range<usize>) -> Rows<'a> {
        match self {
            Self::F32(all) => Rows::F32(&all[values]),
            Self::F16(all) => Rows::F16(&all[values]),
        }
    }
}

/// Queries, laid out for [`scan`](Self::scan).
///
/// ```
/// use align_tensor::{Isa, Rows, ScanQueries};
///
/// let queries = ScanQueries::new(Isa::best(), &[1.0, 0.0, 0.0, 1.0], 2);
/// let rows = [0.6, 0.8, 0.8, -0.6, 0.0, 1.0];
/// let mut best = [(0, f32::MIN); 2];
/// queries.scan(Rows::F32(&rows), &mut [0.0; 2], &mut |query, row, score| {
///     best[query] = (row, score);
///     score.next_up()
/// });
/// assert_eq!(best, [(1, 0.8), (2, 1.0)]);
/// ```
#[derive(Clone, Debug)]
pub struct ScanQueries {
    isa: Isa,
    dim: usize,
    /// `[count, dim]`, row-major; aligned, since most loads of a tile are of queries.
    values: AlignedBuffer<f32>,
    #[cfg(target_arch = "x86_64")]
    screen: Option<screen::Screen>,
}

/// Takes a score: called with the query's number, the row's number and the score, it returns the
/// floor from now on.
type Found<'a> = &'a mut dyn FnMut(usize, usize, f32) -> f32;

impl ScanQueries {
    /// Queries `[count, dim]`.
    ///
    /// # Panics
    /// Where `dim` is zero or `queries` has not a whole number of rows.
    pub fn new(isa: Isa, queries: &[f32], dim: usize) -> Self {
        assert!(dim > 0 && queries.len().is_multiple_of(dim), "queries [count, {dim}]");
        let mut values = AlignedBuffer::<f32>::zeroed(queries.len());
        values.copy_from_slice(queries);
        Self {
            isa,
            dim,
            values,
            #[cfg(target_arch = "x86_64")]
            screen: screen::Screen::new(isa, queries, dim),
        }
    }

    /// The number of queries.
    pub fn count(&self) -> usize {
        self.values.len() / self.dim
    }

    /// The values of a query or row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Calls `found(query, row, score)` for every score that is at or above `floors[query]`, which
    /// becomes what `found` returns. The rows of one query come in order; a score that is NaN is
    /// never found. Works on the calling thread alone.
    ///
    /// # Panics
    /// Where `rows` is not a whole number of rows or `floors` has not one value for each query.
    pub fn scan(&self, rows: Rows<'_>, floors: &mut [f32], found: Found<'_>) {
        assert!(rows.len().is_multiple_of(self.dim), "rows of {} values", self.dim);
        assert_eq!(floors.len(), self.count(), "a floor for each query");
        match rows {
            Rows::F32(rows) => self.run(Scan { queries: self, rows, floors, found }),
            Rows::F16(rows) => self.run(Scan { queries: self, rows, floors, found }),
        }
    }

    fn run<'a, T: RowElement>(&'a self, scan: Scan<'a, T>) {
        #[cfg(target_arch = "x86_64")]
        if let Some(screen) = &self.screen {
            screen.scan(scan);
            return;
        }
        self.isa.dispatch(scan);
    }
}

/// From so many queries on, a row is widened once for all of them.
const WIDENED_FROM: usize = 5;

/// The tiles of rows that are widened together. A tile's worth of queries is read once for all of
/// them: they fit the first-level cache beside it, all queries do not.
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

    /// Room for so many widened rows, if they are widened.
    fn room(&self, height: usize) -> AlignedBuffer<f32> {
        let height = if self.is_widened() { height } else { 0 };
        AlignedBuffer::zeroed(product([height, self.queries.dim]))
    }

    /// Scores some rows, the first of them number `first`, against all queries. `room` is for as
    /// many rows.
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
    /// Scores some rows, the first of them number `first`, against all queries. Rows that lie in
    /// memory rather than in the cache `are_fetched` ahead.
    #[inline(always)]
    fn score<S: Simd, R: RowElement>(&mut self, s: S, rows: &[R], first: usize, are_fetched: bool) {
        let (dim, count) = (self.queries.dim, self.queries.count());
        let tile = tile::full_height::<S>(count);
        let mut query = 0;
        while query < count {
            let width = (count - query).min(tile::WIDTH);
            let queries = &self.queries.values[query * dim..][..width * dim];
            for (index, rows) in rows.chunks(tile * dim).enumerate() {
                let first = first + index * tile;
                let scores = s.outline(Tile { rows, queries, dim, are_fetched });
                for (row, scores) in scores[..rows.len() / dim].iter().enumerate() {
                    for (column, &score) in scores[..width].iter().enumerate() {
                        self.hand_on(query + column, first + row, score);
                    }
                }
            }
            query += width;
        }
    }

    /// Hands a score on where it reaches its query's floor.
    #[inline(always)]
    fn hand_on(&mut self, query: usize, row: usize, score: f32) {
        let floor = &mut self.floors[query];
        if score >= *floor {
            *floor = (self.found)(query, row, score);
        }
    }
}

#[cfg(test)]
mod tests;
