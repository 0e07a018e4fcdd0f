//! What one task of a product does: some tiles of rows times some panels.

use crate::cpu::prefetch::Fetch;
use crate::cpu::simd::{Op, Simd};
use crate::gemm::destination::Destination;
use crate::gemm::epilogue::{Affine, Target};
use crate::gemm::loop_order::{Order, Visit};
use crate::gemm::microkernel::Tile;
use crate::gemm::packing::weights::widen_integers;
use crate::gemm::parallel::Product;
use crate::math::activation::{ActivationVisitor, VectorFn};
use crate::number::Precision;
use std::ops::Range;

/// The tiles that fetch a panel of two vectors where each takes a cache line for each step.
const PANEL_FETCHES: usize = 2;

/// A part of a product that no other thread computes.
pub(super) struct Part<'a> {
    pub(super) product: &'a Product<'a>,
    /// The output, of which the tiles' rows of the panels' columns are this task's.
    pub(super) c: Destination,
    pub(super) tiles: Range<usize>,
    pub(super) panels: Range<usize>,
    /// Those of the tiles whose rows the kernel does not read as they are given.
    pub(super) placed_tiles: Range<usize>,
    /// Room for these rows in the kernel's form; empty where they are there.
    pub(super) rounded: &'a mut [f32],
    /// Room for a panel of integers, widened, or one of `f32`, scaled; empty where the stored one serves.
    pub(super) remade: &'a mut [f32],
    pub(super) order: Order,
    /// The values of a tile's sums.
    pub(super) tile_len: usize,
    /// Room for the sums of the largest tile, or of each where they wait.
    pub(super) sums: &'a mut [f32],
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
        let Self { part, f } = self;
        let Part {
            product,
            c,
            tiles,
            panels,
            placed_tiles,
            rounded,
            remade,
            order,
            tile_len,
            sums,
        } = part;
        let &Product { weights, epilogue, pitch, tiles: row_tiles, .. } = product;
        let (k, kernel) = (weights.k, weights.kernel);
        let source = product.place(s, &placed_tiles, rounded);
        let low = product.left().low();
        let shape = weights.shape();
        let steps = kernel.steps(k);
        let visit = |index| order.visit(index, &panels, steps);
        for (number, Visit { panel, steps: pass }) in (0..).map_while(visit).enumerate() {
            let columns = shape.columns(panel);
            let width = shape.width(panel);
            let packed = if remade.is_empty() {
                weights.panel(panel).as_ptr()
            } else {
                product.remake(s, panel, pass.clone(), remade);
                remade.as_ptr()
            };
            let next = product.next_rows(visit(number + 1), panel, &pass);
            let scales = weights.scales.get(columns.clone()).unwrap_or(&[]);
            let bias = epilogue.bias.map_or(&[][..], |bias| &bias[columns.clone()]);
            let affine = Affine::new(s, scales, bias);
            for (index, tile) in tiles.clone().enumerate() {
                let rows = row_tiles.rows(tile);
                let (a, stride) = source.rows_of(tile, rows.start);
                let slot = order.slot(index, tiles.len(), panel - panels.start);
                let sums = &mut sums[slot * tile_len..];
                // With the first panel each tile fetches the rows of the next one, but for the
                // last ones; then all of them fetch the next panel.
                let fetches_rows = order == Order::Whole && panel == panels.start;
                let fetch = if fetches_rows && index + PANEL_FETCHES < tiles.len() {
                    Fetch::lines(a.wrapping_add(rows.len() * stride))
                } else {
                    let fetching = if fetches_rows { PANEL_FETCHES } else { tiles.len() };
                    let fetching = fetching.min(tiles.len());
                    let part = index + fetching - tiles.len();
                    Fetch::share(next, part..part + 1, fetching, pass.len())
                };
                // SAFETY: `a` is the first of `rows`, as they are given or as `place` wrote them, which are at
                // most the tile's height; `packed` is `steps` rows of `width` columns
                // in the kernel's form, of which those of the pass are there; `sums` holds the
                // largest tile, and what the visit before left in it. The kernel is of the
                // weights' own instruction set, which this is.
                unsafe {
                    Tile {
                        rows: rows.len(),
                        first: pass.start,
                        steps: pass.len(),
                        width,
                        a,
                        stride,
                        low,
                        panel: packed,
                        fetch,
                        sums: sums.as_mut_ptr(),
                    }
                    .compute(s, kernel);
                }
                if pass.end < steps {
                    continue;
                }
                let at = rows.start * pitch + columns.start;
                let residual = epilogue.residual.map_or(std::ptr::null(), |r| r[at..].as_ptr());
                // SAFETY: `columns` are within the `n` of rows `rows`, `pitch` apart, which are below `m`, of
                // the residual and of `c` (checked by `Product::new`). No other task has these
                // rows and columns of `c`.
                unsafe {
                    let target = Target { columns: columns.len(), residual, out: c, at, pitch };
                    target.finish(s, f, &affine, &sums[..rows.len() * width], width);
                }
            }
        }
    }
}

/// Where a task's rows are in the form that the kernel reads.
struct Source {
    /// The first tile whose rows are not read as they are given.
    first_placed: usize,
    given: Rows,
    placed: Rows,
}

/// Rows in memory.
#[derive(Clone, Copy)]
struct Rows {
    /// The number of the first.
    first: usize,
    at: *const f32,
    /// Words from one to the next.
    stride: usize,
}

impl Source {
    /// Row `row`, the first of tile `tile`, and words from one to the next.
    #[inline(always)]
    fn rows_of(&self, tile: usize, row: usize) -> (*const f32, usize) {
        let Rows { first, at, stride } =
            if tile < self.first_placed { self.given } else { self.placed };
        (at.wrapping_add((row - first) * stride), stride)
    }
}

impl<'a> Product<'a> {
    /// Writes the rows of some tiles in the kernel's form to `room`, unless all are there.
    #[inline(always)]
    fn place<S: Simd>(&self, s: S, tiles: &Range<usize>, room: &mut [f32]) -> Source {
        let left = self.left();
        let (first, at) = match self.placed {
            Some(placed) => (0, placed.as_ptr()),
            None if tiles.is_empty() => (0, std::ptr::null()),
            None => {
                let rows = self.tiles.rows_of(tiles);
                left.place(s, self.rows(&rows), room);
                (rows.start, room.as_ptr())
            }
        };
        let placed = Rows { first, at, stride: left.stride() };
        let (at, stride) = self.given().unwrap_or((std::ptr::null(), 0));
        Source { first_placed: tiles.start, given: Rows { first: 0, at, stride }, placed }
    }

    /// What the weights are read of next, behind some rows of a panel.
    fn next_rows(&self, next: Option<Visit>, panel: usize, rows: &Range<usize>) -> &'a [f32] {
        let weights = self.weights;
        match next {
            Some(Visit { panel, steps }) => weights.panel_rows(panel, steps),
            // The panel of the worker's next task.
            None if panel + 1 < weights.shape().panels() => {
                weights.panel_rows(panel + 1, 0..rows.len())
            }
            None => &[],
        }
    }

    /// Writes some rows of a panel to where they are in `to`: integers widened, `f32` scaled.
    #[inline(always)]
    fn remake<S: Simd>(&self, s: S, panel: usize, rows: Range<usize>, to: &mut [f32]) {
        let weights = self.weights;
        let width = weights.shape().width(panel);
        let row = weights.kernel.panel_len(weights.k, width) / weights.kernel.steps(weights.k);
        let to = &mut to[rows.start * row..rows.end * row];
        let stored = weights.panel_rows(panel, rows.clone());
        match weights.kernel.precision {
            Precision::Int8 => widen_integers(stored, to),
            _ => scale_rows(s, stored, self.a.scales_of(rows), width, to),
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
