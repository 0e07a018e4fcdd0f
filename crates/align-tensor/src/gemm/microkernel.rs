//! A tile of the product, in registers.
//!
//! `sums[r, c] = sum over k of a[r, k] * panel[k, c]` for up to 14 rows (as many as the
//! registers hold) and the columns of a panel. For each `k` the panel gives one or two vectors
//! and each row of `a` a broadcast value: every load of the panel feeds all rows, and every
//! broadcast all columns.

use crate::{
    simd::{MAX_LANES, Op, Simd},
    sizes::piece,
};
use std::ops::Range;

/// The most rows that a tile has on any instruction set.
pub(crate) const MAX_ROWS: usize = 14;

/// The values of the largest tile.
pub(crate) const MAX_TILE: usize = MAX_ROWS * 2 * MAX_LANES;

/// The longest chain of additions to one accumulator. Longer sums are cut into equal blocks:
/// the rounding error of a chain grows with its length, and a block's share of a panel and of
/// the rows stays in the first-level cache.
const MAX_K_BLOCK: usize = 512;

/// The rows of a full tile: accumulators of two vectors for each row, two vectors of the panel
/// and a broadcast must fit in the registers.
pub(crate) const fn max_rows<S: Simd>() -> usize {
    (S::REGISTERS - 3) / 2
}

/// Cuts `0..k` into blocks of equal length, give or take one.
pub(crate) fn k_blocks(k: usize) -> impl Iterator<Item = Range<usize>> {
    let blocks = k.div_ceil(MAX_K_BLOCK);
    (0..blocks).map(move |block| piece(k, block, blocks))
}

/// Cuts `rows` into tiles of equal height, give or take one, so that no stub is left at the end
/// for which the panel would be read again.
pub(crate) fn row_tiles(rows: usize, max_rows: usize) -> RowTiles {
    RowTiles { rows, tiles: rows.div_ceil(max_rows) }
}

/// The heights that [`row_tiles`] chose.
#[derive(Clone, Copy)]
pub(crate) struct RowTiles {
    rows: usize,
    tiles: usize,
}

impl RowTiles {
    pub(crate) fn count(self) -> usize {
        self.tiles
    }

    /// The rows of tile `index`.
    pub(crate) fn rows(self, index: usize) -> Range<usize> {
        piece(self.rows, index, self.tiles)
    }
}

/// A tile to be computed: `sums[rows, width]` from `rows` rows that start at `a`, `stride` values
/// apart, and the panel `[k, width]`; `sums` has rows of `width` values.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(crate) rows: usize,
    pub(crate) k: usize,
    pub(crate) width: usize,
    pub(crate) a: *const f32,
    pub(crate) stride: usize,
    pub(crate) panel: *const f32,
    /// What will be read next: a cache line of it is fetched for each `k`. Any address will do.
    pub(crate) ahead: *const f32,
    pub(crate) sums: *mut f32,
}

/// The values of a cache line.
pub(crate) const LINE: usize = 16;

impl Tile {
    /// Computes the tile.
    ///
    /// # Safety
    /// - `a.add(r * stride)` must be valid for reads of `k` values for every `r < rows`.
    /// - `panel` must be valid for reads of `k * width` values, `sums` for writes of
    ///   `rows * width`.
    /// - `width` must be `S::LANES` or `2 * S::LANES`, `rows` in `1..=max_rows::<S>()`, and `k`
    ///   not zero.
    #[inline(always)]
    pub(crate) unsafe fn compute<S: Simd>(self, s: S) {
        // The same code for every kernel around it, and long: it is called, not inlined.
        s.outline(CheckedTile(self));
    }
}

/// A [`Tile`] whose maker has taken on the duties of [`Tile::compute`].
struct CheckedTile(Tile);

impl Op for CheckedTile {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: the duties of `Tile::compute`, which alone makes this type.
        unsafe {
            if self.0.width == S::LANES {
                tile_of_width::<S, 1>(s, self.0);
            } else {
                tile_of_width::<S, 2>(s, self.0);
            }
        }
    }
}

/// A tile of a panel of `NV` vectors.
///
/// # Safety
/// As for [`Tile::compute`], with `width` `NV * S::LANES`.
#[inline(always)]
unsafe fn tile_of_width<S: Simd, const NV: usize>(s: S, tile: Tile) {
    macro_rules! by_height {
        ($($height:literal)*) => {
            match tile.rows {
                $($height if $height <= max_rows::<S>() => {
                    // SAFETY: the caller's duties for `rows` rows, and this is their number.
                    unsafe { tile_of_size::<S, $height, NV>(s, tile) }
                })*
                _ => unreachable!("a tile has between 1 and {} rows", max_rows::<S>()),
            }
        };
    }
    by_height!(1 2 3 4 5 6 7 8 9 10 11 12 13 14)
}

/// A tile of `MR` rows of a panel of `NV` vectors.
///
/// # Safety
/// As for [`Tile::compute`], with `rows` `MR` and `width` `NV * S::LANES`.
#[inline(always)]
unsafe fn tile_of_size<S: Simd, const MR: usize, const NV: usize>(s: S, tile: Tile) {
    let Tile { k, a, stride, panel, ahead, sums, .. } = tile;
    for block in k_blocks(k) {
        let mut acc = [[s.zero(); NV]; MR];
        for k in block.clone() {
            s.prefetch(ahead.wrapping_add(k * LINE));
            // SAFETY: `k` is within the panel's rows, each of `NV` vectors.
            let columns: [S::V; NV] =
                std::array::from_fn(|v| unsafe { s.load(panel.add((k * NV + v) * S::LANES)) });
            for (row, acc) in acc.iter_mut().enumerate() {
                // SAFETY: `row < MR`, and the row has more than `k` values.
                let x = s.splat(unsafe { *a.add(row * stride + k) });
                for (acc, &column) in acc.iter_mut().zip(&columns) {
                    *acc = s.mul_add(x, column, *acc);
                }
            }
        }
        for (row, acc) in acc.iter().enumerate() {
            for (v, &acc) in acc.iter().enumerate() {
                // SAFETY: `row < MR` and `v < NV`, so this vector lies within `sums`; the first
                // block has written it before a later one reads it.
                unsafe {
                    let sum = sums.add((row * NV + v) * S::LANES);
                    let acc = if block.start == 0 { acc } else { s.add(s.load(sum), acc) };
                    s.store(sum, acc);
                }
            }
        }
    }
}
