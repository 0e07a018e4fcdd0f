//! The cut of a product into tasks.

use crate::gemm::epilogue::Epilogue;
use crate::gemm::macrokernel::compute;
use crate::gemm::matrix::{Lhs, Output};
use crate::gemm::packing::view::PackedWeightsView;
use crate::gemm::problem::Problem;
use crate::memory::workspace::Workspace;
use crate::number::sizes::piece;
use crate::threads::Team;

/// The most row tiles of one task: some 150 rows. They stay in the L2 cache while the panels pass by, and each panel that
/// comes from memory serves them all.
const TILES_PER_TASK: usize = 12;

/// The same for AMX, whose tiles are higher.
const AMX_TILES_PER_TASK: usize = 5;

/// Tasks for each worker, so that a slow core hands work to a fast one.
const TASKS_PER_WORKER: usize = 4;

/// The same if one task cannot hold all rows. Tasks are long then, and a core that waits for another's last task waits
/// long.
const LONG_TASKS_PER_WORKER: usize = 10;

/// `output[m, n] = act(lhs[m, k] * weights^T + bias) + residual`, row-major, and contiguous if no pitch is given.
///
/// The products are of the precision that the weights are packed for.
///
/// # Panics
/// If the sizes of `lhs`, `output`, the bias or the residual do not agree, or if `lhs` or `output` is neither in `f32`
/// nor in bf16. If the precision is `f32`, also if the rows of `lhs` are scaled by groups or stored in bf16.
pub fn gemm<'a, 'w, 'c>(
    team: &Team<'_>,
    lhs: impl Into<Lhs<'a>>,
    weights: impl Into<PackedWeightsView<'w>>,
    epilogue: Epilogue<'_>,
    output: impl Into<Output<'c>>,
) {
    let mut problem = Problem::new(lhs.into(), weights.into(), epilogue, output.into());
    let panels = problem.weights.layout().panels();
    let tiles_of_a_task = match problem.weights.kernel.unit.is_tiles() {
        true => AMX_TILES_PER_TASK,
        false => TILES_PER_TASK,
    };
    let row_tasks = problem.tiles.count().div_ceil(tiles_of_a_task);
    if row_tasks == 0 {
        return;
    }
    let panel_tasks = panel_tasks(row_tasks, panels, team.workers());
    let mut shared = Workspace::take(if panel_tasks > 1 { problem.shared_lhs_len() } else { 0 });
    if !shared.is_empty() {
        let rows = problem.lhs_rows(&(0..problem.m));
        problem.lhs_packing().pack_by_team(team, problem.weights.isa, rows, &mut shared);
        problem.packed_lhs = Some(&shared);
    }
    team.run(row_tasks * panel_tasks, |task, _| {
        let (row_task, panel_task) = (task / panel_tasks, task % panel_tasks);
        let tiles = piece(problem.tiles.count(), row_task, row_tasks);
        let panels = piece(panels, panel_task, panel_tasks);
        // SAFETY: every task has its own pair of a range of tiles and a range of panels.
        unsafe { compute(&problem, tiles, panels) };
    });
}

/// [`gemm`] on the calling thread alone, for use within a task.
///
/// # Panics
/// As [`gemm`].
pub(crate) fn gemm_on_this_thread<'a, 'w>(
    lhs: impl Into<Lhs<'a>>,
    weights: impl Into<PackedWeightsView<'w>>,
    epilogue: Epilogue<'_>,
    output: &mut [f32],
) {
    let problem = Problem::new(lhs.into(), weights.into(), epilogue, output.into());
    let (tiles, panels) = (problem.tiles.count(), problem.weights.layout().panels());
    // SAFETY: no other thread computes a part of this product.
    unsafe { compute(&problem, 0..tiles, 0..panels) };
}

/// The number of pieces that the panels are cut into, for each of `row_tasks` ranges of rows.
fn panel_tasks(row_tasks: usize, panels: usize, workers: usize) -> usize {
    let wanted = match workers {
        1 => 1,
        workers if row_tasks == 1 => TASKS_PER_WORKER * workers,
        workers => LONG_TASKS_PER_WORKER * workers,
    };
    // The same number for each worker, if panels are cut anyway and that takes few more tasks.
    let pieces = wanted.div_ceil(row_tasks);
    let even = pieces.next_multiple_of(workers);
    if pieces > 1 && even < 2 * pieces { even } else { pieces }.min(panels)
}
