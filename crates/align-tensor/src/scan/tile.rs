//! Tiles: a few rows times a few queries, in registers.
//!
//! Each pair has an accumulator, which is a vector over the dimension. A vector of a row is loaded
//! once for all queries of the tile, and a vector of a query once for all its rows.

use half::f16;

use crate::cpu::simd::{Op, Simd, prefetch};

/// The largest number of queries of a tile.
pub(super) const WIDTH: usize = 4;

/// The largest number of rows of a tile, on any instruction set.
pub(super) const MAX_HEIGHT: usize = 8;

/// Rows of a full tile for this number of queries. The accumulators fit the registers, and there are
/// enough of them to hide the latency of a multiply-add.
pub(super) const fn full_height<S: Simd>(queries: usize) -> usize {
    match (S::REGISTERS, queries) {
        (16.., 1) => 8,
        (_, 1) => 4,
        (32.., _) => 4,
        (16.., _) => 2,
        _ => 1,
    }
}

/// An element of rows.
pub(super) trait RowElement: Copy {
    /// Loads a vector.
    ///
    /// # Safety
    /// `p` must be valid for reads of `LANES` values. It needs no alignment.
    unsafe fn load<S: Simd>(s: S, p: *const Self) -> S::V;

    /// Loads `n <= LANES` values, and zero into the lanes after them.
    ///
    /// # Safety
    /// `p` must be valid for reads of `n` values, and `n` at most `LANES`.
    unsafe fn load_first<S: Simd>(s: S, p: *const Self, n: usize) -> S::V;

    /// The same values as `f32`: in `room`, which is at least as long, or in place.
    fn widen<'a, S: Simd>(s: S, values: &'a [Self], room: &'a mut [f32]) -> &'a [f32];
}

impl RowElement for f32 {
    #[inline(always)]
    unsafe fn load<S: Simd>(s: S, p: *const f32) -> S::V {
        // SAFETY: the caller's duty is the same.
        unsafe { s.load(p) }
    }

    #[inline(always)]
    unsafe fn load_first<S: Simd>(s: S, p: *const f32, n: usize) -> S::V {
        // SAFETY: the caller's duty is the same.
        unsafe { s.load_first(p, n) }
    }

    #[inline(always)]
    fn widen<'a, S: Simd>(_: S, values: &'a [f32], _: &'a mut [f32]) -> &'a [f32] {
        values
    }
}

impl RowElement for f16 {
    #[inline(always)]
    unsafe fn load<S: Simd>(s: S, p: *const f16) -> S::V {
        // SAFETY: the caller's duty is the same.
        unsafe { s.load_f16(p) }
    }

    #[inline(always)]
    unsafe fn load_first<S: Simd>(s: S, p: *const f16, n: usize) -> S::V {
        // SAFETY: the caller's duty is the same.
        unsafe { s.load_f16_first(p, n) }
    }

    #[inline(always)]
    fn widen<'a, S: Simd>(s: S, values: &'a [f16], room: &'a mut [f32]) -> &'a [f32] {
        let room = &mut room[..values.len()];
        let mut chunks = values.chunks_exact(S::LANES);
        let mut widened = room.chunks_exact_mut(S::LANES);
        for (values, room) in (&mut chunks).zip(&mut widened) {
            // SAFETY: the chunk has `LANES` values.
            s.store_slice(room, unsafe { s.load_f16(values.as_ptr()) });
        }
        let rest = chunks.remainder();
        // SAFETY: `rest` is valid for reads of its length, which is less than `LANES`.
        s.store_tail(widened.into_remainder(), unsafe {
            s.load_f16_first(rest.as_ptr(), rest.len())
        });
        room
    }
}

/// Rows `[height, dim]` times queries `[width, dim]`, `height` at most [`MAX_HEIGHT`] and `width`
/// at most [`WIDTH`].
pub(super) struct Tile<'a, T> {
    pub(super) rows: &'a [T],
    pub(super) queries: &'a [f32],
    pub(super) dim: usize,
    /// Whether the rows after these are prefetched: they are in memory and are read next.
    pub(super) prefetches: bool,
}

/// The scores of a tile, `[row][query]`.
pub(super) type Scores = [[f32; WIDTH]; MAX_HEIGHT];

impl<T: RowElement> Op for Tile<'_, T> {
    type Output = Scores;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Scores {
        let mut scores = Scores::default();
        let height = self.rows.len() / self.dim;
        let width = self.queries.len() / self.dim;
        match (height, width) {
            (8, 1) if full_height::<S>(1) == 8 => self.score::<S, 8, 1>(s, 0, &mut scores),
            (4, 1) if full_height::<S>(1) == 4 => self.score::<S, 4, 1>(s, 0, &mut scores),
            (4, _) if full_height::<S>(WIDTH) == 4 => self.strip::<S, 4>(s, 0, &mut scores),
            (2, _) if full_height::<S>(WIDTH) == 2 => self.strip::<S, 2>(s, 0, &mut scores),
            _ => (0..height).for_each(|row| self.strip::<S, 1>(s, row, &mut scores)),
        }
        scores
    }
}

impl<T: RowElement> Tile<'_, T> {
    /// The scores of `H` rows from row `first` on with all queries.
    #[inline(always)]
    fn strip<S: Simd, const H: usize>(&self, s: S, first: usize, scores: &mut Scores) {
        match self.queries.len() / self.dim {
            1 => self.score::<S, H, 1>(s, first, scores),
            2 => self.score::<S, H, 2>(s, first, scores),
            3 => self.score::<S, H, 3>(s, first, scores),
            WIDTH => self.score::<S, H, WIDTH>(s, first, scores),
            width => unreachable!("a tile has 1 to {WIDTH} queries, not {width}"),
        }
    }

    /// The scores of `H` rows from row `first` on with all `W` queries.
    #[inline(always)]
    fn score<S: Simd, const H: usize, const W: usize>(
        &self,
        s: S,
        first: usize,
        scores: &mut Scores,
    ) {
        let dim = self.dim;
        let rows = &self.rows[first * dim..][..H * dim];
        let queries = &self.queries[..W * dim];
        let mut sums = [[s.zero(); W]; H];
        let whole = dim / S::LANES * S::LANES;
        for i in (0..whole).step_by(S::LANES) {
            // SAFETY: `LANES` values from `i < dim` on lie within each of the `W` queries.
            let queries: [S::V; W] =
                std::array::from_fn(|q| unsafe { s.load(queries.as_ptr().add(q * dim + i)) });
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: they also lie within each of the `H` rows.
                let (x, next) = unsafe {
                    let p = rows.as_ptr().add(row * dim + i);
                    (T::load(s, p), p.wrapping_add(H * dim))
                };
                // The rows of the next tile. Memory limits the speed, and the hardware prefetcher
                // stops at the end of a page.
                if self.prefetches {
                    prefetch(next);
                }
                for (sum, &query) in sums.iter_mut().zip(&queries) {
                    *sum = s.mul_add(x, query, *sum);
                }
            }
        }
        let rest = dim - whole;
        if rest > 0 {
            // SAFETY: `rest < LANES` values from `whole` on lie within each query.
            let queries: [S::V; W] = std::array::from_fn(|q| unsafe {
                s.load_first(queries.as_ptr().add(q * dim + whole), rest)
            });
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: they also lie within each row.
                let x = unsafe { T::load_first(s, rows.as_ptr().add(row * dim + whole), rest) };
                for (sum, &query) in sums.iter_mut().zip(&queries) {
                    *sum = s.mul_add(x, query, *sum);
                }
            }
        }
        for (scores, sums) in scores[first..].iter_mut().zip(&sums) {
            for (score, &sum) in scores.iter_mut().zip(sums) {
                *score = s.reduce_add(sum);
            }
        }
    }
}
