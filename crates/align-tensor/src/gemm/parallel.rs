//! Which thread does which tiles.

use super::{Epilogue, Inputs, Outputs, PackedView};
use crate::gemm::destination::SharedValues;
use crate::gemm::loop_order::Order;
use crate::gemm::macrokernel::Part;
use crate::gemm::microkernel::MAX_TILE;
use crate::gemm::packing::lhs::{GivenRows, Left};
use crate::gemm::row_tiles::{RowTiles, row_tiles};
use crate::memory::round_up_to_line;
use crate::memory::workspace::Scratch;
use crate::number::sizes::{piece, product};
use crate::number::{Precision, Values};
use crate::threads::{Rectangle, Team};
use std::ops::Range;

/// The most tiles of rows that one task walks through for each panel: some 150 rows. Their
/// activations stay in the second-level cache while the panels pass by, and each panel that
/// comes from memory serves them all.
const TILES_PER_TASK: usize = 12;

/// As many blocks of AMX, which are higher.
const BLOCKS_PER_TASK: usize = 5;

/// The least number of values that are rounded once for all tasks of the same rows: fewer are rounded by each task sooner
/// than the team comes together.
const MIN_SHARED_VALUES: usize = 64 << 10;

/// Tasks for each worker, so that a slow core hands work to a fast one.
const TASKS_PER_WORKER: usize = 4;

/// The same where one task cannot hold all rows: tasks are long then, and a core that waits for the
/// other's last one waits long.
const LONG_TASKS_PER_WORKER: usize = 10;

/// `c[m, n] = act(a[m, k] * weights^T + bias) + residual`; all row-major, and contiguous where no pitch is given.
///
/// The products are of the precision that the weights are packed for.
///
/// # Panics
/// Where the sizes of `a`, `c`, the bias or the residual do not agree, or the precision is `f32` and the rows of `a`
/// are scaled by groups or kept in bf16.
pub fn gemm<'a, 'w, 'c>(
    team: &Team<'_>,
    a: impl Into<Inputs<'a>>,
    weights: impl Into<PackedView<'w>>,
    epilogue: Epilogue<'_>,
    c: impl Into<Outputs<'c>>,
) {
    let mut all = Product::new(a.into(), weights.into(), epilogue, c.into());
    let panels = all.weights.shape().panels();
    let tiles_of_a_task = match all.weights.kernel.unit.is_tiles() {
        true => BLOCKS_PER_TASK,
        false => TILES_PER_TASK,
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
    let mut shared = Scratch::take(if panel_tasks > 1 { all.shared_len() } else { 0 });
    if !shared.is_empty() {
        all.left().write_by(team, all.weights.isa, all.rows(&(0..all.m)), &mut shared);
        all.placed = Some(&shared);
    }
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
    let all = Product::new(a.into(), weights.into(), epilogue, c.into());
    // SAFETY: nobody else computes a part of this product.
    unsafe { all.compute(0..all.tiles.count(), 0..all.weights.shape().panels()) };
}

/// A product whose sizes have been checked.
pub(super) struct Product<'a> {
    pub(super) a: Inputs<'a>,
    pub(super) weights: PackedView<'a>,
    pub(super) epilogue: Epilogue<'a>,
    pub(super) c: SharedValues<'a>,
    /// Values from row to row of `c` and of the residual.
    pub(super) pitch: usize,
    m: usize,
    pub(super) tiles: RowTiles,
    /// All rows in the kernel's form, where tasks share them.
    pub(super) placed: Option<&'a [f32]>,
}

impl<'a> Product<'a> {
    fn new(a: Inputs<'a>, weights: PackedView<'a>, epilogue: Epilogue<'a>, c: Outputs<'a>) -> Self {
        let (k, n) = (weights.k, weights.n);
        let (input_pitch, pitch) = (a.pitch(k), c.pitch(n));
        assert!(input_pitch >= k && pitch >= n, "rows that do not overlap");
        assert!(n > 0 && c.rows.len().is_multiple_of(pitch), "c has rows of {pitch} values");
        let m = c.rows.len() / pitch;
        assert_eq!(a.rows.len(), product([m, input_pitch]), "a [{m}, {input_pitch}]");
        let is_plain = Left::new(weights.kernel, k).is_plain();
        assert!(!is_plain || matches!(a.rows, Values::F32(_)), "products of f32 read f32");
        if !a.scales.is_empty() {
            let groups = a.scales.len() / k;
            assert!(groups == 1 || !is_plain, "one group");
            assert!(a.scales.len() == groups * k && m.is_multiple_of(groups), "scales of groups");
        }
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == n), "a bias for each output");
        let residual = epilogue.residual;
        assert!(residual.is_none_or(|r| r.len() == c.rows.len()), "a residual each");
        let tiles = row_tiles(m, weights.kernel.max_rows(weights.isa));
        Self { a, weights, epilogue, c: SharedValues::new(c.rows), pitch, m, tiles, placed: None }
    }

    /// The form of the rows that the kernel reads.
    pub(super) fn left(&self) -> Left {
        Left::new(self.weights.kernel, self.weights.k)
    }

    /// Some rows of `a`.
    pub(super) fn rows(&self, rows: &Range<usize>) -> GivenRows<'a> {
        self.a.rows_of(rows, self.m, self.weights.k)
    }

    /// The first row, and words from one to the next, where the kernel reads them as they are given.
    pub(super) fn given(&self) -> Option<(*const f32, usize)> {
        self.left().given(self.rows(&(0..self.m)))
    }

    /// How many tiles, from the first on, it reads so: all or none, or all whose rows are followed by as many as a tile of
    /// full height reads more.
    fn given_tiles(&self) -> usize {
        let PackedView { kernel, isa, .. } = self.weights;
        let count = self.tiles.count();
        match self.given() {
            None => 0,
            Some(_) if !kernel.unit.is_tiles() => count,
            Some(_) => {
                let height = kernel.max_rows(isa);
                let fits = |&tile: &usize| self.tiles.rows(tile).start + height <= self.m;
                (0..count).take_while(fits).count()
            }
        }
    }

    /// The room for all rows in the kernel's form, if it is worth a step of its own that tasks find them there.
    fn shared_len(&self) -> usize {
        let is_shared = self.given().is_none() && self.m * self.weights.k > MIN_SHARED_VALUES;
        if is_shared { self.left().len(self.m) } else { 0 }
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
        let rows = self.tiles.rows_of(&tiles);
        let columns = self.weights.shape().columns(panels.start).start
            ..self.weights.shape().columns(panels.end - 1).end;
        let rectangle = Rectangle {
            start: rows.start * self.pitch + columns.start,
            rows: rows.len(),
            columns: columns.len(),
            pitch: self.pitch,
        };
        // SAFETY: these rows and columns are of `c` (`new`), and no other task computes them.
        let c = unsafe { self.c.claim(rectangle) };
        let rows = rows.len();
        let placed_tiles = tiles.start.max(self.given_tiles())..tiles.end;
        let is_there = self.placed.is_some() || placed_tiles.is_empty();
        let left_len =
            if is_there { 0 } else { self.left().len(self.tiles.rows_of(&placed_tiles).len()) };
        let width = self.weights.shape().width(panels.start);
        let is_remade = match kernel.precision {
            Precision::Int8 => true,
            Precision::F32 => !self.a.scales.is_empty(),
            Precision::Bf16 | Precision::Bf16x3 => false,
        };
        let panel_len = if is_remade { kernel.panel_len(k, width) } else { 0 };
        let order = Order::new(kernel, k, rows, tiles.len());
        let tile_len = kernel.max_rows(self.weights.isa) * width;
        let sums_len = (order.waiting(tiles.len(), panels.len()) * tile_len).max(MAX_TILE);
        let mut scratch = Scratch::take(left_len + round_up_to_line(panel_len) + sums_len);
        let (rounded, rest) = scratch.split_at_mut(left_len);
        let (remade, sums) = rest.split_at_mut(round_up_to_line(panel_len));
        let part = Part {
            product: self,
            c,
            tiles,
            panels,
            placed_tiles,
            rounded,
            remade,
            order,
            tile_len,
            sums,
        };
        kernel.unit.ready(|| self.epilogue.activation.visit(part));
    }
}
