//! What one task of a product does: some tiles of rows times some panels.

use super::{
    drive::Product,
    epilogue::{Affine, Target},
    fetch::Fetch,
    left::Left,
    microkernel::Tile,
    pack::widen_integers,
};
use crate::{
    Precision,
    activation::{ActivationVisitor, VectorFn},
    simd::{Op, Simd},
    sizes::piece,
};
use std::ops::Range;

/// The tiles that fetch a panel of two vectors where each takes a cache line for each step.
const PANEL_FETCHES: usize = 2;

/// A part of a product that no other thread computes.
pub(super) struct Part<'a> {
    pub(super) product: &'a Product<'a>,
    pub(super) tiles: Range<usize>,
    pub(super) panels: Range<usize>,
    pub(super) left: Left,
    /// Room for the rows in the kernel's form.
    pub(super) rounded: &'a mut [f32],
    /// Room for a panel of integers, widened, or one of `f32`, scaled; empty where the stored one serves.
    pub(super) remade: &'a mut [f32],
    /// Where all is done for a block along `k` before the next, the sums of a tile, which wait for it;
    /// zero where each tile is finished at once.
    pub(super) waiting: usize,
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
        let Part { product, tiles, panels, left, rounded, remade, waiting, sums } = part;
        let &Product { weights, epilogue, ref c, pitch, tiles: row_tiles, .. } = product;
        let (k, kernel) = (weights.k, weights.kernel);
        let all_rows = row_tiles.rows_of(&tiles);
        let rows = product.a.rows_of(&all_rows, k);
        let (a, stride) = match product.placed {
            Some(placed) => (placed[all_rows.start * left.stride()..].as_ptr(), left.stride()),
            None => {
                let scales = product.scales(all_rows.start);
                left.place(s, rows, product.a.pitch(k), scales, rounded)
            }
        };
        let shape = weights.shape();
        let steps = kernel.steps(k);
        // Long rows block by block along `k`: their share of a block stays in the second-level cache
        // while the panels pass by, and each panel's share, which comes from memory, serves them all.
        let in_blocks = waiting > 0;
        let passes = if in_blocks { kernel.blocks(steps).len() } else { 1 };
        for pass in (0..passes).map(|pass| piece(steps, pass, passes)) {
            for panel in panels.clone() {
                let columns = shape.columns(panel);
                let width = shape.width(panel);
                let packed = if remade.is_empty() {
                    weights.panel(panel).as_ptr()
                } else {
                    product.remake(s, panel, pass.clone(), remade);
                    remade.as_ptr()
                };
                let next = product.next_rows(panel, &panels, &pass);
                let scales = weights.scales.get(columns.clone()).unwrap_or(&[]);
                let bias = epilogue.bias.map_or(&[][..], |bias| &bias[columns.clone()]);
                let affine = Affine::new(s, scales, bias);
                for (index, tile) in tiles.clone().enumerate() {
                    let rows = row_tiles.rows(tile);
                    let slot = (panel - panels.start) * tiles.len() + index;
                    let sums = &mut sums[slot * waiting..];
                    // With the first panel each tile fetches the rows of the next one, but for the
                    // last ones; then all of them fetch the next panel.
                    let fetches_rows = !in_blocks && panel == panels.start;
                    let fetch = if fetches_rows && index + PANEL_FETCHES < tiles.len() {
                        Fetch::lines(a.wrapping_add((rows.end - all_rows.start) * stride))
                    } else {
                        let fetching = if fetches_rows { PANEL_FETCHES } else { tiles.len() };
                        let fetching = fetching.min(tiles.len());
                        let part = index + fetching - tiles.len();
                        Fetch::share(next, part..part + 1, fetching, pass.len())
                    };
                    // SAFETY: `rows` lie within `a`, as the caller has them or as `left` wrote them,
                    // and are at most the tile's height; `packed` is `steps` rows of `width` columns
                    // in the kernel's form, of which those of the pass are there; `sums` holds the
                    // largest tile, and what the pass before left in it. The kernel is of the
                    // weights' own instruction set, which this is.
                    unsafe {
                        Tile {
                            rows: rows.len(),
                            first: pass.start,
                            steps: pass.len(),
                            width,
                            a: a.add((rows.start - all_rows.start) * stride),
                            stride,
                            low: left.low(),
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
                        let out = c.get().add(at);
                        let target = Target { columns: columns.len(), residual, out, pitch };
                        target.finish(s, f, &affine, &sums[..rows.len() * width], width);
                    }
                }
            }
        }
    }
}

impl<'a> Product<'a> {
    /// What the weights are read of next, behind some rows of a panel of the task's `panels`.
    fn next_rows(&self, panel: usize, panels: &Range<usize>, rows: &Range<usize>) -> &'a [f32] {
        let weights = self.weights;
        let steps = weights.kernel.steps(weights.k);
        if panel + 1 < panels.end {
            weights.panel_rows(panel + 1, rows.clone())
        } else if rows.end < steps {
            weights.panel_rows(panels.start, rows.end..steps.min(rows.end + rows.len()))
        } else if panel + 1 < weights.shape().panels() {
            // That of the worker's next task.
            weights.panel_rows(panel + 1, 0..rows.len())
        } else {
            &[]
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
