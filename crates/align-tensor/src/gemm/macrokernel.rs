//! The macrokernel: all tiles of one task, that is a range of row tiles times a range of panels.

use crate::cpu::prefetch::Fetch;
use crate::cpu::simd::{Op, Simd};
use crate::gemm::Word;
use crate::gemm::destination::Destination;
use crate::gemm::epilogue::{ColumnTransform, OutputTile};
use crate::gemm::loop_order::{LoopOrder, PanelBlock};
use crate::gemm::microkernel::{MAX_TILE, Tile, max_tile_rows};
use crate::gemm::packing::panel::{scale_steps, widen_integers};
use crate::gemm::packing::view::PackedWeightsView;
use crate::gemm::problem::Problem;
use crate::math::activation::{ActivationVisitor, VectorFn};
use crate::memory::round_up_to_line;
use crate::memory::workspace::Workspace;
use crate::number::Precision;
use crate::threads::Rectangle;
use std::ops::Range;

/// The last tiles of the first panel that prefetch the next panel. Two suffice if each prefetches a cache line in each
/// step.
const PANEL_FETCHES: usize = 2;

/// Computes a range of row tiles times a range of panels.
///
/// # Safety
/// No other thread may compute one of these tiles with one of these panels at the same time.
pub(super) unsafe fn compute(problem: &Problem<'_>, tiles: Range<usize>, panels: Range<usize>) {
    if tiles.is_empty() || panels.is_empty() {
        return;
    }
    let PackedWeightsView { kernel, k, isa, .. } = problem.weights;
    let rows = problem.tiles.rows_of(&tiles);
    let (layout, pitch) = (problem.weights.layout(), problem.pitch);
    let columns = layout.columns(panels.start).start..layout.columns(panels.end - 1).end;
    let start = rows.start * pitch + columns.start;
    let claimed = Rectangle { start, rows: rows.len(), columns: columns.len(), pitch };
    // SAFETY: the rows and columns are within the output (`Problem::new`), and no other task computes them.
    let output = unsafe { problem.output.claim(claimed) };
    let packed_tiles = tiles.start.max(problem.tiles_in_place())..tiles.end;
    let lhs_len = if problem.packed_lhs.is_some() || packed_tiles.is_empty() {
        0
    } else {
        problem.lhs_packing().len(problem.tiles.rows_of(&packed_tiles).len())
    };
    let width = layout.width(panels.start);
    let panel_len =
        if panels_are_prepared(problem) { round_up_to_line(kernel.panel_len(k, width)) } else { 0 };
    let order = LoopOrder::new(kernel, k, rows.len(), tiles.len());
    let tile_len = max_tile_rows(kernel, isa) * width;
    let sums_len = (order.waiting(tiles.len(), panels.len()) * tile_len).max(MAX_TILE);
    let mut workspace = Workspace::take(lhs_len + panel_len + sums_len);
    let (lhs, rest) = workspace.split_at_mut(lhs_len);
    let (panel, sums) = rest.split_at_mut(panel_len);
    let sums = bytemuck::cast_slice_mut(sums);
    let task = Macrokernel {
        problem,
        output,
        tiles,
        panels,
        packed_tiles,
        lhs,
        panel,
        order,
        tile_len,
        sums,
    };
    kernel.unit.ready(|| problem.epilogue.activation.visit(task));
}

/// Whether panels are widened or scaled before they are multiplied.
fn panels_are_prepared(problem: &Problem<'_>) -> bool {
    match problem.weights.kernel.precision {
        Precision::Int8 => true,
        Precision::F32 => !problem.lhs.scales.is_empty(),
        Precision::Bf16 | Precision::Bf16x3 => false,
    }
}

/// A task of a product. No other thread computes its tiles with its panels.
struct Macrokernel<'a> {
    problem: &'a Problem<'a>,
    /// The output, of which the tiles' rows of the panels' columns are this task's.
    output: Destination,
    tiles: Range<usize>,
    panels: Range<usize>,
    /// Those of the tiles whose rows the kernel cannot read in place.
    packed_tiles: Range<usize>,
    /// Workspace for these rows, packed. Empty if all tasks share packed rows.
    lhs: &'a mut [Word],
    /// Workspace for a panel that is widened or scaled. Empty if the stored panel is multiplied.
    panel: &'a mut [Word],
    order: LoopOrder,
    /// Values of a tile's sums.
    tile_len: usize,
    /// Workspace for the sums of the largest tile, or for those of each tile if they wait for the next block of `k`.
    sums: &'a mut [f32],
}

impl ActivationVisitor for Macrokernel<'_> {
    type Output = ();

    #[inline(always)]
    fn visit<F: VectorFn>(self, f: F) {
        self.problem.weights.isa.dispatch(WithActivation { task: self, f });
    }
}

/// A [`Macrokernel`], compiled for one activation.
struct WithActivation<'a, F> {
    task: Macrokernel<'a>,
    f: F,
}

impl<F: VectorFn> Op for WithActivation<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { task, f } = self;
        let Macrokernel {
            problem,
            output: out,
            tiles,
            panels,
            packed_tiles,
            lhs,
            panel: prepared,
            order,
            tile_len,
            sums,
        } = task;
        let &Problem { weights, epilogue, pitch, tiles: row_tiles, .. } = problem;
        let (k, kernel) = (weights.k, weights.kernel);
        let lhs_tiles = LhsTiles::pack(s, problem, &packed_tiles, lhs);
        let lhs_part_len = problem.lhs_packing().part_len();
        let layout = weights.layout();
        let steps = kernel.steps(k);
        let panel_block = |index| order.panel_block(index, &panels, steps);
        for (index, PanelBlock { panel, steps: block }) in (0..).map_while(panel_block).enumerate()
        {
            let columns = layout.columns(panel);
            let width = layout.width(panel);
            let packed = if prepared.is_empty() {
                weights.panel(panel).as_ptr()
            } else {
                prepare(s, problem, panel, block.clone(), prepared);
                prepared.as_ptr()
            };
            let next = next_block(&weights, panel_block(index + 1), panel, &block);
            let scales = weights.scales.get(columns.clone()).unwrap_or(&[]);
            let bias = epilogue.bias.map_or(&[][..], |bias| &bias[columns.clone()]);
            let transform = ColumnTransform::new(s, scales, bias);
            for (index, tile) in tiles.clone().enumerate() {
                let rows = row_tiles.rows(tile);
                let (lhs, lhs_stride) = lhs_tiles.row(tile, rows.start);
                let slot = order.slot(index, tiles.len(), panel - panels.start);
                let sums = &mut sums[slot * tile_len..];
                // During the first panel each tile prefetches the rows of the next tile, except for the last tiles. From
                // then on all tiles share the prefetch of the next panel.
                let fetches_rows = order == LoopOrder::WholeK && panel == panels.start;
                let fetch = if fetches_rows && index + PANEL_FETCHES < tiles.len() {
                    Fetch::lines(lhs.wrapping_add(rows.len() * lhs_stride))
                } else {
                    let fetching = if fetches_rows { PANEL_FETCHES } else { tiles.len() };
                    let fetching = fetching.min(tiles.len());
                    let part = index + fetching - tiles.len();
                    Fetch::share(next, part..part + 1, fetching, block.len())
                };
                // SAFETY: `lhs` is the first of `rows`, which are in the form that the kernel reads (in place or as
                // `LhsTiles::pack` wrote them) and no more than the tile's height. `packed` holds the steps of the block
                // for `width` columns in the kernel's form. `sums` has room for the largest tile and holds what the
                // blocks before left. The kernel is of the weights' instruction set, which is `S`.
                unsafe {
                    Tile {
                        rows: rows.len(),
                        first_step: block.start,
                        steps: block.len(),
                        width,
                        lhs,
                        lhs_stride,
                        lhs_part_len,
                        panel: packed,
                        fetch,
                        sums: sums.as_mut_ptr(),
                    }
                    .compute(s, kernel);
                }
                if block.end < steps {
                    continue;
                }
                let at = rows.start * pitch + columns.start;
                let residual = epilogue.residual.map_or(std::ptr::null(), |r| r[at..].as_ptr());
                // SAFETY: `columns` are within the `n` of rows `rows`, `pitch` apart, which are below `m`, of the residual
                // and of the output (checked by `Problem::new`). No other task has these rows and columns.
                unsafe {
                    OutputTile { columns: columns.len(), residual, out, at, pitch }.finish(
                        s,
                        f,
                        &transform,
                        &sums[..rows.len() * width],
                        width,
                    );
                }
            }
        }
    }
}

/// The rows of a task's tiles in the form that the kernel reads: leading tiles in place, the others packed.
struct LhsTiles {
    /// The first tile whose rows are packed.
    first_packed: usize,
    in_place: LhsPointer,
    packed: LhsPointer,
}

/// Rows in memory.
#[derive(Clone, Copy)]
struct LhsPointer {
    /// The index of the row at `at`.
    first: usize,
    at: *const Word,
    /// Words from one row to the next.
    stride: usize,
}

impl LhsTiles {
    /// Packs the rows of `tiles` into `workspace`, unless there are packed rows that all tasks share.
    #[inline(always)]
    fn pack<S: Simd>(
        s: S,
        problem: &Problem<'_>,
        tiles: &Range<usize>,
        workspace: &mut [Word],
    ) -> Self {
        let packing = problem.lhs_packing();
        let (first, at) = match problem.packed_lhs {
            Some(packed) => (0, packed.as_ptr()),
            None if tiles.is_empty() => (0, std::ptr::null()),
            None => {
                let rows = problem.tiles.rows_of(tiles);
                packing.pack(s, problem.lhs_rows(&rows), workspace);
                (rows.start, workspace.as_ptr())
            }
        };
        let packed = LhsPointer { first, at, stride: packing.stride() };
        let (at, stride) = problem.lhs_in_place().unwrap_or((std::ptr::null(), 0));
        Self { first_packed: tiles.start, in_place: LhsPointer { first: 0, at, stride }, packed }
    }

    /// Row `row`, the first of tile `tile`, and the words from one row to the next.
    #[inline(always)]
    fn row(&self, tile: usize, row: usize) -> (*const Word, usize) {
        let LhsPointer { first, at, stride } =
            if tile < self.first_packed { self.in_place } else { self.packed };
        (at.wrapping_add((row - first) * stride), stride)
    }
}

/// The part of the weights that is read after a block of a panel: `next`, else the start of the panel after it, which is
/// the worker's next task.
fn next_block<'a>(
    weights: &PackedWeightsView<'a>,
    next: Option<PanelBlock>,
    panel: usize,
    block: &Range<usize>,
) -> &'a [Word] {
    match next {
        Some(PanelBlock { panel, steps }) => weights.panel_steps(panel, steps),
        None if panel + 1 < weights.layout().panels() => {
            weights.panel_steps(panel + 1, 0..block.len())
        }
        None => &[],
    }
}

/// Writes a range of steps of a panel to their place in `to`: integers are widened, `f32` values scaled.
#[inline(always)]
fn prepare<S: Simd>(
    s: S,
    problem: &Problem<'_>,
    panel: usize,
    steps: Range<usize>,
    to: &mut [Word],
) {
    let weights = problem.weights;
    let width = weights.layout().width(panel);
    let step = weights.kernel.panel_len(weights.k, width) / weights.kernel.steps(weights.k);
    let to = &mut to[steps.start * step..steps.end * step];
    let stored = weights.panel_steps(panel, steps.clone());
    match weights.kernel.precision {
        Precision::Int8 => widen_integers(stored, to),
        _ => scale_steps(s, stored, problem.lhs.scales_of(steps), width, to),
    }
}
