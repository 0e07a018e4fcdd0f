//! Which thread does which tiles.

use super::{
    Epilogue, PackedView,
    epilogue::finish_row,
    max_rows,
    microkernel::{LINE, MAX_TILE, RowTiles, Tile, row_tiles},
};
use crate::{
    activation::{ActivationVisitor, VectorFn},
    simd::{Op, Simd},
    sizes::{piece, product},
    threads::{SharedMut, Team},
};
use std::ops::Range;

/// The most tiles of rows that one task walks through for each panel: some 150 rows. Their
/// activations stay in the second-level cache while the panels pass by, and each panel that
/// comes from memory serves them all.
const TILES_PER_TASK: usize = 12;

/// Tasks for each worker, so that a slow core hands work to a fast one.
const TASKS_PER_WORKER: usize = 4;

/// `c[m, n] = act(a[m, k] * weights^T + bias) + residual`; all row-major and contiguous.
///
/// # Panics
/// Where the sizes of `a`, `c`, the bias or the residual do not agree.
pub fn gemm<'w>(
    team: &Team<'_>,
    a: &[f32],
    weights: impl Into<PackedView<'w>>,
    epilogue: Epilogue<'_>,
    c: &mut [f32],
) {
    let all = Product::new(a, weights.into(), epilogue, c);
    let panels = all.weights.shape().panels();
    let row_tasks = all.tiles.count().div_ceil(TILES_PER_TASK);
    if row_tasks == 0 {
        return;
    }
    let wanted = if team.workers() == 1 { 1 } else { TASKS_PER_WORKER * team.workers() };
    let panel_tasks = wanted.div_ceil(row_tasks).min(panels);
    team.run(row_tasks * panel_tasks, |task, _| {
        let (row_task, panel_task) = (task / panel_tasks, task % panel_tasks);
        let tiles = piece(all.tiles.count(), row_task, row_tasks);
        let panels = piece(panels, panel_task, panel_tasks);
        // SAFETY: every task has tiles and panels of its own.
        unsafe { all.compute(tiles, panels) };
    });
}

/// [`gemm`] on the calling thread alone, for use within a task.
///
/// # Panics
/// As [`gemm`].
pub(crate) fn gemm_here<'w>(
    a: &[f32],
    weights: impl Into<PackedView<'w>>,
    epilogue: Epilogue<'_>,
    c: &mut [f32],
) {
    let all = Product::new(a, weights.into(), epilogue, c);
    // SAFETY: nobody else computes a part of this product.
    unsafe { all.compute(0..all.tiles.count(), 0..all.weights.shape().panels()) };
}

/// A product whose sizes have been checked.
struct Product<'a> {
    a: &'a [f32],
    weights: PackedView<'a>,
    epilogue: Epilogue<'a>,
    c: SharedMut<f32>,
    tiles: RowTiles,
}

impl<'a> Product<'a> {
    fn new(
        a: &'a [f32],
        weights: PackedView<'a>,
        epilogue: Epilogue<'a>,
        c: &'a mut [f32],
    ) -> Self {
        let (k, n) = (weights.k, weights.n);
        assert!(n > 0 && c.len().is_multiple_of(n), "c has rows of {n} values");
        let m = c.len() / n;
        assert_eq!(a.len(), product([m, k]), "a [{m}, {k}]");
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == n), "a bias for each output");
        assert!(epilogue.residual.is_none_or(|r| r.len() == c.len()), "a residual each");
        let tiles = row_tiles(m, max_rows(weights.isa));
        Self { a, weights, epilogue, c: SharedMut(c.as_mut_ptr()), tiles }
    }

    /// Computes some tiles of rows times some panels.
    ///
    /// # Safety
    /// No other thread may compute one of these tiles with one of these panels meanwhile.
    unsafe fn compute(&self, tiles: Range<usize>, panels: Range<usize>) {
        self.epilogue.activation.visit(Part { product: self, tiles, panels });
    }
}

/// A part of a product that no other thread computes.
struct Part<'a> {
    product: &'a Product<'a>,
    tiles: Range<usize>,
    panels: Range<usize>,
}

impl ActivationVisitor for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn visit<F: VectorFn>(self, f: F) {
        self.product.weights.isa.dispatch(ActivatedPart { part: self, f });
    }
}

struct ActivatedPart<'a, F> {
    part: Part<'a>,
    f: F,
}

impl<F: VectorFn> Op for ActivatedPart<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { part: Part { product, tiles, panels }, f } = self;
        let Product { a, weights, epilogue, c, tiles: row_tiles } = product;
        let (k, n) = (weights.k, weights.n);
        let shape = weights.shape();
        let mut sums = [0.0f32; MAX_TILE];
        for panel in panels.clone() {
            let columns = shape.columns(panel);
            let width = shape.width(panel);
            let packed = weights.panel(panel);
            // The next panel is fetched while this one is multiplied: with few rows to a panel the
            // memory is what limits.
            let next = if panel + 1 < panels.end { weights.panel(panel + 1) } else { packed };
            for (index, tile) in tiles.clone().enumerate() {
                let ahead = next.get(index * k * LINE..).unwrap_or(packed).as_ptr();
                let rows = row_tiles.rows(tile);
                // SAFETY: `rows` lie within `a [m, k]` (checked by `new`) and are at most the
                // tile's height; `packed` is `k` rows of `width`; `sums` holds the largest tile.
                unsafe {
                    let a = a.as_ptr().add(rows.start * k);
                    let (panel, sums) = (packed.as_ptr(), sums.as_mut_ptr());
                    Tile { rows: rows.len(), k, width, a, stride: k, panel, ahead, sums }
                        .compute(s);
                }
                for (row, sums) in rows.zip(sums.chunks_exact(width)) {
                    let at = row * n + columns.start;
                    let bias =
                        epilogue.bias.map_or(std::ptr::null(), |b| b[columns.start..].as_ptr());
                    let residual = epilogue.residual.map_or(std::ptr::null(), |r| r[at..].as_ptr());
                    // SAFETY: `sums` is a row of whole vectors; `columns` are within the `n` of
                    // the bias and of row `row < m` of the residual and of `c` (checked by
                    // `new`). No other task has these rows and columns of `c`.
                    unsafe {
                        let out = c.get().add(at);
                        finish_row(s, f, sums.as_ptr(), bias, residual, out, columns.len());
                    }
                }
            }
        }
    }
}
