//! The order in which a task multiplies its tiles of rows, its panels and the blocks of `k`.
//!
//! Splitting `k` never changes the result: block boundaries depend on `k` only ([`Kernel::blocks`]), and AMX sums may be
//! split between any two tile products. So every loop order yields the same bits.

use crate::gemm::kernel::{Kernel, TILE_STEPS};
use crate::number::sizes::piece;
use std::ops::Range;

/// Values of a task's rows that stay in the L2 cache while the panels pass by: a third of 2 MB.
const CACHED_VALUES: usize = 160 << 10;

/// Words of a panel's column that AMX multiplies by all rows before it takes the next ones. 16 KB of a panel, and as much
/// of the rows of a block, stay in an L1 cache of 48 KB.
const CACHED_TILE_WORDS: usize = 128;

/// The loop order of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LoopOrder {
    /// Panel by panel, each tile over all of `k` at once.
    WholeK,
    /// Block by block along `k`, all panels for each block. A block of long rows stays in the L2 cache while the panels
    /// pass by, and each part of a panel that comes from memory serves all rows.
    BlocksOutside { blocks: usize },
    /// Panel by panel, each block by block along `k`. A block of the panel stays in the L1 cache while the tiles of rows
    /// pass by.
    BlocksInside { blocks: usize },
}

/// One panel, for a range of steps along `k`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PanelBlock {
    pub(super) panel: usize,
    pub(super) steps: Range<usize>,
}

impl LoopOrder {
    /// The order for `rows` rows in `tiles` tiles.
    pub(super) fn new(kernel: Kernel, k: usize, rows: usize, tiles: usize) -> Self {
        let steps = kernel.steps(k);
        if kernel.unit.is_tiles() {
            let blocks = (steps * kernel.parts()).div_ceil(CACHED_TILE_WORDS);
            if tiles > 1 && blocks > 1 { Self::BlocksInside { blocks } } else { Self::WholeK }
        } else if rows * k > CACHED_VALUES {
            Self::BlocksOutside { blocks: kernel.blocks(steps).len() }
        } else {
            Self::WholeK
        }
    }

    /// The number of tiles whose sums wait for the next block.
    pub(super) fn waiting(&self, tiles: usize, panels: usize) -> usize {
        match self {
            Self::WholeK => 0,
            Self::BlocksOutside { .. } => tiles * panels,
            Self::BlocksInside { .. } => tiles,
        }
    }

    /// The index of a tile's sums among those that wait.
    pub(super) fn slot(&self, tile: usize, tiles: usize, panel: usize) -> usize {
        match self {
            Self::WholeK => 0,
            Self::BlocksOutside { .. } => panel * tiles + tile,
            Self::BlocksInside { .. } => tile,
        }
    }

    /// Element `index` of the order, for a range of panels with `steps` steps each. `None` after the last one.
    pub(super) fn panel_block(
        &self,
        index: usize,
        panels: &Range<usize>,
        steps: usize,
    ) -> Option<PanelBlock> {
        let (panel, steps) = match *self {
            Self::WholeK => (index, 0..steps),
            Self::BlocksOutside { blocks } => {
                let block = index / panels.len();
                if block >= blocks {
                    return None;
                }
                (index % panels.len(), piece(steps, block, blocks))
            }
            Self::BlocksInside { blocks } => {
                let tiles = piece(steps / TILE_STEPS, index % blocks, blocks);
                (index / blocks, TILE_STEPS * tiles.start..TILE_STEPS * tiles.end)
            }
        };
        (panel < panels.len()).then_some(PanelBlock { panel: panels.start + panel, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visits(order: &LoopOrder, panels: Range<usize>, steps: usize) -> Vec<(usize, Range<usize>)> {
        let visits = (0..).map_while(|index| order.panel_block(index, &panels, steps));
        visits.map(|visit| (visit.panel, visit.steps)).collect()
    }

    #[test]
    fn every_panel_is_visited_for_all_steps() {
        assert_eq!(visits(&LoopOrder::WholeK, 3..5, 7), [(3, 0..7), (4, 0..7)]);
        let order = LoopOrder::BlocksOutside { blocks: 2 };
        assert_eq!(visits(&order, 3..5, 7), [(3, 0..4), (4, 0..4), (3, 4..7), (4, 4..7)]);
        let order = LoopOrder::BlocksInside { blocks: 2 };
        assert_eq!(visits(&order, 3..5, 48), [(3, 0..32), (3, 32..48), (4, 0..32), (4, 32..48)]);
    }

    #[test]
    fn sums_that_wait_have_places_of_their_own() {
        let orders =
            [LoopOrder::BlocksOutside { blocks: 2 }, LoopOrder::BlocksInside { blocks: 2 }];
        for (order, together) in orders.into_iter().zip([3, 1]) {
            let places: std::collections::BTreeSet<_> = (0..together)
                .flat_map(|panel| (0..5).map(move |tile| (tile, panel)))
                .map(|(tile, panel)| order.slot(tile, 5, panel))
                .collect();
            assert!(
                places.len() == 5 * together && places.iter().all(|&p| p < order.waiting(5, 3))
            );
        }
        assert_eq!(LoopOrder::WholeK.waiting(5, 3), 0);
    }
}
