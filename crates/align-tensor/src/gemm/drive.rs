//! Which thread does which tiles.

use super::{
    Epilogue, PackedView,
    epilogue::finish_row,
    left::{Left, RowScales},
    microkernel::{MAX_TILE, RowTiles, Tile, row_tiles},
    pack::widen_integers,
    scratch::Scratch,
};
use crate::{
    Precision,
    activation::{ActivationVisitor, VectorFn},
    aligned::LINE,
    simd::{Op, Simd},
    sizes::{piece, product},
    threads::{SharedMut, Team},
};
use std::ops::Range;

/// The most tiles of rows that one task walks through for each panel: some 150 rows. Their
/// activations stay in the second-level cache while the panels pass by, and each panel that
/// comes from memory serves them all.
const TILES_PER_TASK: usize = 12;

/// The activations of a task where there would be more: a good third of a second-level cache of 2 MB.
const VALUES_PER_TASK: usize = 192 << 10;

/// As many blocks of AMX, which are higher.
const BLOCKS_PER_TASK: usize = 5;

/// The tiles that fetch a panel of two vectors between them: a cache line for each step.
const PANEL_FETCHES: usize = 2;

/// Tasks for each worker, so that a slow core hands work to a fast one.
const TASKS_PER_WORKER: usize = 4;

/// The same where one task cannot hold all rows: tasks are long then, and a core that waits for the
/// other's last one waits long.
const LONG_TASKS_PER_WORKER: usize = 10;

/// What is multiplied with the weights: rows `[m, k]`, row-major.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    rows: &'a [f32],
    scales: &'a [f32],
}

impl<'a> Inputs<'a> {
    /// `rows`, each value times a factor of its input: `scales [groups, k]`, where the rows are in
    /// groups of equal size.
    ///
    /// Where rows are rounded on the way, they are scaled then. In `f32` they are read as they are and
    /// each panel of the weights is scaled before it is multiplied, so there may be one group only.
    pub fn scaled(rows: &'a [f32], scales: &'a [f32]) -> Self {
        Self { rows, scales }
    }
}

impl<'a> From<&'a [f32]> for Inputs<'a> {
    fn from(rows: &'a [f32]) -> Self {
        Self { rows, scales: &[] }
    }
}

impl<'a> From<&'a Vec<f32>> for Inputs<'a> {
    fn from(rows: &'a Vec<f32>) -> Self {
        rows[..].into()
    }
}

/// `c[m, n] = act(a[m, k] * weights^T + bias) + residual`; all row-major and contiguous.
///
/// The products are of the precision that the weights are packed for.
///
/// # Panics
/// Where the sizes of `a`, `c`, the bias or the residual do not agree, or the rows of `a` are scaled
/// by groups and the precision is `f32`.
pub fn gemm<'a, 'w>(
    team: &Team<'_>,
    a: impl Into<Inputs<'a>>,
    weights: impl Into<PackedView<'w>>,
    epilogue: Epilogue<'_>,
    c: &mut [f32],
) {
    let all = Product::new(a.into(), weights.into(), epilogue, c);
    let panels = all.weights.shape().panels();
    let tiles_of_a_task = match all.weights.kernel.unit.is_tiles() {
        true => BLOCKS_PER_TASK,
        false => {
            let tile = all.weights.kernel.max_rows(all.weights.isa) * all.weights.k;
            (VALUES_PER_TASK / tile).clamp(PANEL_FETCHES, TILES_PER_TASK)
        }
    };
    let row_tasks = all.tiles.count().div_ceil(tiles_of_a_task);
    if row_tasks == 0 {
        return;
    }
    let wanted = match team.workers() {
        1 => 1,
        workers if row_tasks == 1 => TASKS_PER_WORKER * workers,
        workers => LONG_TASKS_PER_WORKER * workers,
    };
    // As many for each worker, where panels are cut anyway and that takes few more tasks.
    let pieces = wanted.div_ceil(row_tasks);
    let even = pieces.next_multiple_of(team.workers());
    let panel_tasks = if pieces > 1 && even < 2 * pieces { even } else { pieces }.min(panels);
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
pub(crate) fn gemm_here<'a, 'w>(
    a: impl Into<Inputs<'a>>,
    weights: impl Into<PackedView<'w>>,
    epilogue: Epilogue<'_>,
    c: &mut [f32],
) {
    let all = Product::new(a.into(), weights.into(), epilogue, c);
    // SAFETY: nobody else computes a part of this product.
    unsafe { all.compute(0..all.tiles.count(), 0..all.weights.shape().panels()) };
}

/// A product whose sizes have been checked.
struct Product<'a> {
    a: Inputs<'a>,
    weights: PackedView<'a>,
    epilogue: Epilogue<'a>,
    c: SharedMut<f32>,
    m: usize,
    tiles: RowTiles,
}

impl<'a> Product<'a> {
    fn new(
        a: Inputs<'a>,
        weights: PackedView<'a>,
        epilogue: Epilogue<'a>,
        c: &'a mut [f32],
    ) -> Self {
        let (k, n) = (weights.k, weights.n);
        assert!(n > 0 && c.len().is_multiple_of(n), "c has rows of {n} values");
        let m = c.len() / n;
        assert_eq!(a.rows.len(), product([m, k]), "a [{m}, {k}]");
        if !a.scales.is_empty() {
            let groups = a.scales.len() / k;
            assert!(groups == 1 || weights.kernel.precision != Precision::F32, "one group");
            assert!(a.scales.len() == groups * k && m.is_multiple_of(groups), "scales of groups");
        }
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == n), "a bias for each output");
        assert!(epilogue.residual.is_none_or(|r| r.len() == c.len()), "a residual each");
        let tiles = row_tiles(m, weights.kernel.max_rows(weights.isa));
        Self { a, weights, epilogue, c: SharedMut(c.as_mut_ptr()), m, tiles }
    }

    /// Computes some tiles of rows times some panels.
    ///
    /// # Safety
    /// No other thread may compute one of these tiles with one of these panels meanwhile.
    unsafe fn compute(&self, tiles: Range<usize>, panels: Range<usize>) {
        if tiles.is_empty() || panels.is_empty() {
            return;
        }
        let PackedView { kernel, k, .. } = self.weights;
        let left = Left::new(kernel, k);
        let rows = self.tiles.rows_of(&tiles).len();
        let left_len = if left.is_plain() { 0 } else { left.len(rows) };
        let width = self.weights.shape().width(panels.start);
        let is_remade = match kernel.precision {
            Precision::Int8 => true,
            Precision::F32 => !self.a.scales.is_empty(),
            Precision::Bf16 | Precision::Bf16x3 => false,
        };
        let panel_len = if is_remade { kernel.panel_len(k, width) } else { 0 };
        let mut scratch = Scratch::take(left_len + panel_len);
        let (rounded, remade) = scratch.split_at_mut(left_len);
        let part = Part { product: self, tiles, panels, left, rounded, remade };
        kernel.unit.ready(|| self.epilogue.activation.visit(part));
    }

    /// The scales of rows from `first` on.
    fn scales(&self, first: usize) -> Option<RowScales<'a>> {
        let scales = self.a.scales;
        let groups = scales.len() / self.weights.k;
        (groups > 0).then(|| RowScales { scales, rows: self.m / groups, first })
    }
}

/// A part of a product that no other thread computes.
struct Part<'a> {
    product: &'a Product<'a>,
    tiles: Range<usize>,
    panels: Range<usize>,
    left: Left,
    /// Room for the rows in the kernel's form.
    rounded: &'a mut [f32],
    /// Room for a panel of integers, widened, or one of `f32`, scaled; empty where the stored one serves.
    remade: &'a mut [f32],
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
        let Self { part: Part { product, tiles, panels, left, rounded, remade }, f } = self;
        let &Product { a, weights, epilogue, ref c, tiles: row_tiles, .. } = product;
        let (k, n, kernel) = (weights.k, weights.n, weights.kernel);
        let steps = kernel.steps(k);
        let shape = weights.shape();
        let all_rows = row_tiles.rows_of(&tiles);
        let rows = &a.rows[all_rows.start * k..all_rows.end * k];
        // The first row of the task, and words from one to the next.
        let (a, stride) = if left.is_plain() {
            (rows.as_ptr(), k)
        } else {
            left.write(s, rows, product.scales(all_rows.start), rounded);
            (rounded.as_ptr(), left.stride())
        };
        let mut sums = [0.0f32; MAX_TILE];
        for panel in panels.clone() {
            let columns = shape.columns(panel);
            let width = shape.width(panel);
            let stored = weights.panel(panel);
            let packed = if remade.is_empty() {
                stored.as_ptr()
            } else {
                let remade = &mut remade[..kernel.panel_len(k, width)];
                match kernel.precision {
                    Precision::Int8 => widen_integers(stored, remade),
                    _ => scale_rows(s, stored, product.a.scales, width, remade),
                }
                remade.as_ptr()
            };
            let next = if panel + 1 < shape.panels() { weights.panel(panel + 1) } else { stored };
            for (index, tile) in tiles.clone().enumerate() {
                let rows = row_tiles.rows(tile);
                // Memory is what limits where a weight or a row is read for the first time. So the
                // last tiles fetch the next panel (behind the task's last one it is that of its
                // worker's next task), and with the first panel each tile before fetches the
                // rows of the next.
                let behind = a.wrapping_add((rows.end - all_rows.start) * stride);
                let ahead =
                    match (index + PANEL_FETCHES).checked_sub(tiles.len().max(PANEL_FETCHES)) {
                        Some(piece) => next.get(piece * steps * LINE..).unwrap_or(stored).as_ptr(),
                        None if panel == panels.start => behind,
                        None => stored.as_ptr(),
                    };
                // SAFETY: `rows` lie within `a`, as the caller has them or as `left` wrote them, and
                // are at most the tile's height; `packed` is `steps` rows of `width` columns in the
                // kernel's form; `sums` holds the largest tile. The kernel is of the weights' own
                // instruction set, which this is.
                unsafe {
                    let a = a.add((rows.start - all_rows.start) * stride);
                    let (low, sums) = (left.low(), sums.as_mut_ptr());
                    let rows = rows.len();
                    Tile { rows, steps, width, a, stride, low, panel: packed, ahead, sums }
                        .compute(s, kernel);
                }
                let scales =
                    weights.scales.get(columns.clone()).map_or(std::ptr::null(), <[_]>::as_ptr);
                for (row, sums) in rows.zip(sums.chunks_exact(width)) {
                    let at = row * n + columns.start;
                    let bias =
                        epilogue.bias.map_or(std::ptr::null(), |b| b[columns.start..].as_ptr());
                    let residual = epilogue.residual.map_or(std::ptr::null(), |r| r[at..].as_ptr());
                    // SAFETY: `sums` is a row of whole vectors; `columns` are within the `n` of
                    // the scales, the bias and of row `row < m` of the residual and of `c` (checked
                    // by `new`). No other task has these rows and columns of `c`.
                    unsafe {
                        let (sums, out) = (sums.as_ptr(), c.get().add(at));
                        finish_row(s, f, sums, scales, bias, residual, out, columns.len());
                    }
                }
            }
        }
    }
}

/// Multiplies each row of a panel of `f32` by its scale.
#[inline(always)]
fn scale_rows<S: Simd>(s: S, panel: &[f32], scales: &[f32], width: usize, to: &mut [f32]) {
    let rows = panel.chunks_exact(width).zip(to.chunks_exact_mut(width));
    for ((row, to), &scale) in rows.zip(scales) {
        let scale = s.splat(scale);
        for (row, to) in row.chunks_exact(S::LANES).zip(to.chunks_exact_mut(S::LANES)) {
            s.store_slice(to, s.mul(s.load_slice(row), scale));
        }
    }
}
