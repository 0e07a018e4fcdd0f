//! The operands of one tile.

use crate::cpu::prefetch::Fetch;
use crate::cpu::simd::MAX_LANES;
use crate::gemm::Word;

/// Values of the largest tile, which is one of AMX: two tile registers by two.
pub(crate) const MAX_TILE: usize = 2 * MAX_LANES * 2 * MAX_LANES;

/// A range of steps of a tile: `sums[rows, width]` from `rows` rows of the lhs and a panel. `sums` has rows of `width`
/// values. The first step writes them, later steps add to them.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(crate) rows: usize,
    /// The first step.
    pub(crate) first_step: usize,
    /// Number of steps.
    pub(crate) steps: usize,
    pub(crate) width: usize,
    /// The first row, in the form that the kernel reads.
    pub(crate) lhs: *const Word,
    /// Words from row to row.
    pub(crate) lhs_stride: usize,
    /// Words from a row's high parts to its low parts.
    pub(crate) lhs_part_len: usize,
    pub(crate) panel: *const Word,
    /// Prefetches of what is read next.
    pub(crate) fetch: Fetch,
    pub(crate) sums: *mut f32,
}
