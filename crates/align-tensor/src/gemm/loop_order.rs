//! In which order a task multiplies its tiles of rows, its panels and the blocks of `k`.
//!
//! Sums are cut along `k` by where the results are needed alike ([`Kernel::blocks`]) or, between steps of a tile
//! product, anywhere; both leave the bits to `k` alone, so any of these orders gives the same.

use crate::gemm::kernel::{Kernel, TILE_STEPS};
use crate::number::sizes::piece;
use std::ops::Range;

/// The activations of a task that stay in the second-level cache while the panels pass by: a third of
/// 2 MB.
const CACHED_VALUES: usize = 160 << 10;

/// Words of a panel's column that tiles multiply by all rows before the next ones: 16 KB of a panel, and as much of the
/// rows of a block, stay in a first-level cache of 48 KB.
const CACHED_TILE_WORDS: usize = 128;

/// The order of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Panel by panel, each tile over all of `k` at once.
    Whole,
    /// Block by block along `k`, all panels for each: their share of long rows stays in the second-level cache while
    /// the panels pass by, and each panel's share, which comes from memory, serves them all.
    BlockByBlock { blocks: usize },
    /// Panel by panel, each block by block along `k`: a block's share of the panel stays in the first-level cache while
    /// the tiles of rows pass by.
    WithinPanels { blocks: usize },
}

/// One panel, for some steps along `k`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) panel: usize,
    pub(super) steps: Range<usize>,
}

impl Order {
    /// For so many rows in so many tiles.
    pub(super) fn new(kernel: Kernel, k: usize, rows: usize, tiles: usize) -> Self {
        let steps = kernel.steps(k);
        if kernel.unit.is_tiles() {
            let blocks = (steps * kernel.parts()).div_ceil(CACHED_TILE_WORDS);
            if tiles > 1 && blocks > 1 { Self::WithinPanels { blocks } } else { Self::Whole }
        } else if rows * k > CACHED_VALUES {
            Self::BlockByBlock { blocks: kernel.blocks(steps).len() }
        } else {
            Self::Whole
        }
    }

    /// The sums that wait for the next block, in tiles.
    pub(super) fn waiting(&self, tiles: usize, panels: usize) -> usize {
        match self {
            Self::Whole => 0,
            Self::BlockByBlock { .. } => tiles * panels,
            Self::WithinPanels { .. } => tiles,
        }
    }

    /// Where among them those of a tile are.
    pub(super) fn slot(&self, tile: usize, tiles: usize, panel: usize) -> usize {
        match self {
            Self::Whole => 0,
            Self::BlockByBlock { .. } => panel * tiles + tile,
            Self::WithinPanels { .. } => tile,
        }
    }

    /// Visit `index` to the `panels` of a product of so many steps, if there are so many.
    pub(super) fn visit(&self, index: usize, panels: &Range<usize>, steps: usize) -> Option<Visit> {
        let (panel, steps) = match *self {
            Self::Whole => (index, 0..steps),
            Self::BlockByBlock { blocks } => {
                let block = index / panels.len();
                if block >= blocks {
                    return None;
                }
                (index % panels.len(), piece(steps, block, blocks))
            }
            Self::WithinPanels { blocks } => {
                let tiles = piece(steps / TILE_STEPS, index % blocks, blocks);
                (index / blocks, TILE_STEPS * tiles.start..TILE_STEPS * tiles.end)
            }
        };
        (panel < panels.len()).then_some(Visit { panel: panels.start + panel, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visits(order: &Order, panels: Range<usize>, steps: usize) -> Vec<(usize, Range<usize>)> {
        let visits = (0..).map_while(|index| order.visit(index, &panels, steps));
        visits.map(|visit| (visit.panel, visit.steps)).collect()
    }

    #[test]
    fn every_panel_is_visited_for_all_steps() {
        assert_eq!(visits(&Order::Whole, 3..5, 7), [(3, 0..7), (4, 0..7)]);
        let order = Order::BlockByBlock { blocks: 2 };
        assert_eq!(visits(&order, 3..5, 7), [(3, 0..4), (4, 0..4), (3, 4..7), (4, 4..7)]);
        let order = Order::WithinPanels { blocks: 2 };
        assert_eq!(visits(&order, 3..5, 48), [(3, 0..32), (3, 32..48), (4, 0..32), (4, 32..48)]);
    }

    #[test]
    fn sums_that_wait_have_places_of_their_own() {
        let orders = [Order::BlockByBlock { blocks: 2 }, Order::WithinPanels { blocks: 2 }];
        for (order, together) in orders.into_iter().zip([3, 1]) {
            let places: std::collections::BTreeSet<_> = (0..together)
                .flat_map(|panel| (0..5).map(move |tile| (tile, panel)))
                .map(|(tile, panel)| order.slot(tile, 5, panel))
                .collect();
            assert!(
                places.len() == 5 * together && places.iter().all(|&p| p < order.waiting(5, 3))
            );
        }
        assert_eq!(Order::Whole.waiting(5, 3), 0);
    }
}
