//! The cut of rows into tiles of equal height.

use std::ops::Range;

/// Cuts `rows` into tiles of equal height, give or take one. A short tile at the end would read the panel again for
/// two or three rows.
pub(crate) fn row_tiles(rows: usize, max_rows: usize) -> RowTiles {
    let tiles = rows.div_ceil(max_rows);
    let divisor = tiles.max(1);
    RowTiles { tiles, len: rows / divisor, longer: rows % divisor }
}

/// The heights that [`row_tiles`] chose.
#[derive(Clone, Copy)]
pub(crate) struct RowTiles {
    tiles: usize,
    /// The height of a tile. The first `longer` tiles have one row more.
    len: usize,
    longer: usize,
}

impl RowTiles {
    pub(crate) fn count(self) -> usize {
        self.tiles
    }

    /// The rows of tile `index`.
    pub(crate) fn rows(self, index: usize) -> Range<usize> {
        let start = index * self.len + index.min(self.longer);
        start..start + self.len + usize::from(index < self.longer)
    }

    /// The rows of a range of tiles, which must not be empty.
    pub(crate) fn rows_of(self, tiles: &Range<usize>) -> Range<usize> {
        self.rows(tiles.start).start..self.rows(tiles.end - 1).end
    }
}
