//! Which thread does which tiles.

use super::{
    Epilogue, PackedView, epilogue::finish_row, microkernel,
    microkernel::{MAX_TILE, RowTiles, row_tiles},
};
use crate::{
    activation::{ActivationVisitor, VectorFn},
    simd::{Op, Simd},
    threads::{SharedMut, Team},
};
use std::ops::Range;

/// The tiles of rows that one task walks through for each panel: some hundred rows, whose
/// activations stay in the second-level cache while the panels pass by.
const TILES_PER_TASK: usize = 8;

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
    let weights = weights.into();
    let (k, n) = (weights.k, weights.n);
    assert!(n > 0 && c.len().is_multiple_of(n), "c has rows of {n} values");
    let m = c.len() / n;
    assert_eq!(a.len(), m * k, "a [{m}, {k}]");
    assert!(epilogue.bias.is_none_or(|bias| bias.len() == n), "a bias for each output");
    assert!(epilogue.residual.is_none_or(|r| r.len() == c.len()), "a residual for each element");
    if m == 0 {
        return;
    }
    epilogue.activation.visit(Gemm { team, a, weights, epilogue, m, c: SharedMut(c.as_mut_ptr()) });
}

struct Gemm<'a, 't> {
    team: &'a Team<'t>,
    a: &'a [f32],
    weights: PackedView<'a>,
    epilogue: Epilogue<'a>,
    m: usize,
    c: SharedMut<f32>,
}

impl ActivationVisitor for Gemm<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn visit<F: VectorFn>(self, f: F) {
        let Self { team, a, weights, epilogue, m, c } = self;
        let panels = weights.shape().panels();
        // The heights of the tiles are the same for every task: a whole number of tiles each.
        let max_rows = super::pack::max_rows(weights.isa);
        let tiles = row_tiles(m, max_rows);
        let row_tasks = tiles.count().div_ceil(TILES_PER_TASK);
        let wanted = if team.workers() == 1 { 1 } else { TASKS_PER_WORKER * team.workers() };
        let panel_tasks = wanted.div_ceil(row_tasks).min(panels);
        team.run(row_tasks * panel_tasks, |task, _| {
            let (row_task, panel_task) = (task / panel_tasks, task % panel_tasks);
            let first_tile = row_task * TILES_PER_TASK;
            weights.isa.dispatch(Task {
                f,
                a,
                weights,
                epilogue,
                c,
                row_tiles: tiles,
                tiles: first_tile..tiles.count().min(first_tile + TILES_PER_TASK),
                panels: panels * panel_task / panel_tasks
                    ..panels * (panel_task + 1) / panel_tasks,
            });
        });
    }
}

/// Some tiles of rows times some panels.
struct Task<'a, F> {
    f: F,
    a: &'a [f32],
    weights: PackedView<'a>,
    epilogue: Epilogue<'a>,
    c: SharedMut<f32>,
    row_tiles: RowTiles,
    tiles: Range<usize>,
    panels: Range<usize>,
}

impl<F: VectorFn> Op for Task<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { f, a, weights, epilogue, c, row_tiles, tiles, panels } = self;
        let (k, n) = (weights.k, weights.n);
        let shape = weights.shape();
        let mut sums = [0.0f32; MAX_TILE];
        for panel in panels {
            let columns = shape.columns(panel);
            let width = shape.width(panel);
            let packed = weights.panel(panel);
            for tile in tiles.clone() {
                let rows = row_tiles.rows(tile);
                // SAFETY: `rows` lie within `a [m, k]` (checked in `gemm`) and are at most the
                // tile's height; `packed` is `k` rows of `width`; `sums` holds the largest tile.
                unsafe {
                    microkernel::tile(
                        s,
                        (rows.len(), k, width),
                        (a.as_ptr().add(rows.start * k), k),
                        packed.as_ptr(),
                        sums.as_mut_ptr(),
                    );
                }
                for (row, sums) in rows.zip(sums.chunks_exact(width)) {
                    let at = row * n + columns.start;
                    let bias = epilogue.bias.map_or(std::ptr::null(), |b| b[columns.start..].as_ptr());
                    let residual = epilogue.residual.map_or(std::ptr::null(), |r| r[at..].as_ptr());
                    // SAFETY: `sums` is a row of whole vectors; `columns` are within the `n` of
                    // the bias and of row `row < m` of the residual and of `c` (checked in
                    // `gemm`). No other task has these rows and columns of `c`.
                    unsafe {
                        let out = c.get().add(at);
                        finish_row(s, f, sums.as_ptr(), bias, residual, out, columns.len());
                    }
                }
            }
        }
    }
}
