//! A task of the pass: some rows of some channels.

use crate::cpu::prefetch::Fetch;
use crate::cpu::simd::{Op, Simd};
use crate::gemm::microkernel::Tile;
use crate::gemm::packing::layout::PackedLayout;
use crate::gemm::packing::lhs::LhsPacking;
use crate::gemm::row_tiles::row_tiles;
use crate::gemm::{ColumnTransform, Destination, OutputTile, microkernel};
use crate::layers::convolution::depthwise::Row;
use crate::layers::convolution::expand_depthwise::ring::Ring;
use crate::layers::convolution::expand_depthwise::{ExpandDepthwise, Expansion, Maps};
use crate::layers::convolution::geometry::MAX_KERNEL;
use crate::math::activation::{ActivationVisitor, VectorFn};
use crate::memory::round_up_to_line;
use std::ops::Range;

/// The largest map, in values, that is still in the second-level cache when the next panel reads it.
/// The maps that are computed from it need room there too.
const CACHED_MAP: usize = 192 << 10;

/// Some output rows of one panel of channels of one image.
pub(super) struct Task<'a> {
    pub(super) block: &'a ExpandDepthwise,
    pub(super) shape: PackedLayout,
    pub(super) panel: usize,
    /// The image and those after it, in the form that the expansion reads. Without an expansion, that
    /// is the input itself.
    pub(super) maps: Maps<'a>,
    pub(super) size: (usize, usize),
    /// The width of the output.
    pub(super) out_width: usize,
    pub(super) scratch: &'a mut [f32],
    /// The whole output. The panel's columns of `rows` are this task's.
    pub(super) out: Destination,
    /// Index of the image's first value in `out`.
    pub(super) out_start: usize,
    /// The panel's first channel of the first row. Valid for writes of the panel's columns for
    /// each row of `rows`, `channels` apart.
    pub(super) sums: *mut f32,
    /// The output rows to compute.
    pub(super) rows: Range<usize>,
}

impl ActivationVisitor for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn visit<F: VectorFn>(self, f: F) {
        let isa = self.block.isa;
        self.block.unit().ready(|| isa.dispatch(ActivatedTask { task: self, f }));
    }
}

struct ActivatedTask<'a, F> {
    task: Task<'a>,
    f: F,
}

impl<F: VectorFn> Op for ActivatedTask<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { task, f } = self;
        let geometry = task.block.geometry;
        let (height, width) = task.size;
        let out_width = task.out_width;
        let columns = task.shape.columns(task.panel);
        let panel_width = task.shape.width(task.panel);
        let channels = task.block.channels;
        let taps = geometry.kernel * geometry.kernel;
        let weights = &task.block.weights[task.panel * 2 * S::LANES * taps..][..panel_width * taps];
        let [line_len, ring_len, _] = task.block.scratch_sizes(height, width).map(round_up_to_line);
        let (line, rest) = task.scratch.split_at_mut(line_len);
        let (ring, sums) = rest.split_at_mut(ring_len);
        let ring = Ring {
            rows: geometry.ring(height, width),
            width,
            before: geometry.before,
            pixel: panel_width,
            row: geometry.padded(width) * panel_width,
            data: ring,
        };
        let mut room = Room { ring, sums };
        room.ring.clear_padding();

        let mut expanded = (task.rows.start * geometry.stride).saturating_sub(geometry.before);
        let band = geometry.band(width);
        for first in task.rows.clone().step_by(band) {
            let band = first..task.rows.end.min(first + band);
            // One past the last input row that the band reads.
            let needed = ((band.end - 1) * geometry.stride + geometry.kernel)
                .saturating_sub(geometry.before)
                .min(height);
            if expanded < needed {
                let pixels = expanded * width..needed * width;
                match &task.block.expansion {
                    None => {
                        room.ring.copy(
                            s,
                            bytemuck::cast_slice(task.maps.words),
                            channels,
                            columns.clone(),
                            pixels,
                        );
                    }
                    Some(expansion) => {
                        expansion.expand(s, f, &mut room, task.maps, task.panel, pixels);
                    }
                }
                expanded = needed;
            }
            for y in band {
                let mut inputs = [std::ptr::null(); MAX_KERNEL];
                for (ky, input) in inputs[..geometry.kernel].iter_mut().enumerate() {
                    let padded = y * geometry.stride + ky;
                    if (geometry.before..geometry.before + height).contains(&padded) {
                        *input = room.ring.start(padded - geometry.before).as_ptr();
                    }
                }
                for channel in (0..panel_width).step_by(S::LANES) {
                    let present = S::LANES.min(columns.len() - channel);
                    let inputs = inputs.map(|input| {
                        if input.is_null() { input } else { input.wrapping_add(channel) }
                    });
                    let bias = s.load_tail(&task.block.bias[columns.start + channel..][..present]);
                    // SAFETY: each input is a row of the ring with its padding, which `Ring::start`
                    // slices. Its `padded(width)` pixels are those that the kernel reads for the
                    // last output (`output_len`). The ring's pixels and the weights' taps are
                    // `panel_width` apart, and this vector is within them. `line` has a vector for
                    // each output.
                    unsafe {
                        Row {
                            inputs: &inputs[..geometry.kernel],
                            input_pitch: panel_width,
                            weights: weights.as_ptr().add(channel),
                            weight_pitch: panel_width,
                            kernel: geometry.kernel,
                            stride: geometry.stride,
                            out: line.as_mut_ptr(),
                            width: out_width,
                        }
                        .compute(s, bias);
                    }
                    let mut sum = s.zero();
                    for (x, value) in line.chunks_exact(S::LANES).take(out_width).enumerate() {
                        let value = f.eval(s, s.load_slice(value));
                        sum = s.add(sum, value);
                        let pixel = task.out_start + (y * out_width + x) * channels;
                        // SAFETY: the task has the panel's columns at every pixel of row `y`, and `present` of
                        // them are left from `channel` on.
                        unsafe {
                            task.out.store(s, pixel + columns.start + channel, present, value)
                        };
                    }
                    // SAFETY: `sums` has the panel's columns for row `y`, and `present` of them
                    // are left from `channel` on.
                    unsafe { s.store_first(task.sums.add(y * channels + channel), present, sum) };
                }
            }
        }
    }
}

/// The memory of a task.
struct Room<'a> {
    ring: Ring<'a>,
    /// The sums of a tile, with room for the largest.
    sums: &'a mut [f32],
}

impl Expansion {
    /// Expands `pixels` of the map for the channels of a panel.
    #[inline(always)]
    fn expand<S: Simd, F: VectorFn>(
        &self,
        s: S,
        f: F,
        room: &mut Room<'_>,
        maps: Maps<'_>,
        panel: usize,
        pixels: Range<usize>,
    ) {
        let Room { ring, sums } = room;
        let weights = self.weights.view();
        let (k, kernel) = (weights.k, weights.kernel);
        let steps = kernel.steps(k);
        let Maps { words, stride, pixels: all_pixels } = maps;
        let rows = &words[pixels.start * stride..];
        assert!(rows.len() >= pixels.len() * stride, "a row for each pixel");
        let a = rows.as_ptr();
        let shape = weights.layout();
        // A panel for tiles may be wider than the ring.
        let width = shape.width(panel);
        // Absent columns have zero weights, and no output below.
        let transform = ColumnTransform::new(s, &[], &self.bias[shape.columns(panel)]);
        // The panel of the worker's next task.
        let next = if panel + 1 < shape.panels() { weights.panel(panel + 1) } else { &[] };
        let panel = weights.panel(panel);
        let tiles = row_tiles(pixels.len(), microkernel::max_rows::<S>(kernel));
        for tile in (0..tiles.count()).map(|index| tiles.rows(index)) {
            let mut tile_pixels = pixels.start + tile.start..pixels.start + tile.end;
            // A large map has few channels, so its panels are short. Its next rows are prefetched,
            // since other maps have evicted them.
            let fetch = if all_pixels * stride > CACHED_MAP {
                Fetch::lines(a.wrapping_add(tile.end * stride))
            } else {
                Fetch::share(next, tile_pixels.clone(), all_pixels, steps)
            };
            // SAFETY: `a` is a row for each of `pixels` in the kernel's form, `stride` apart, and `tile`
            // is within them. Tiles may read further rows, for which `ExpandDepthwise::place` leaves
            // room. `panel` is `steps` rows of the panel's width (no integers: `Expansion::new`), and
            // `sums` holds the largest tile. The kernel is one of this instruction set, which is
            // that of the weights.
            unsafe {
                Tile {
                    rows: tile.len(),
                    first_step: 0,
                    steps,
                    width,
                    lhs: a.add(tile.start * stride),
                    lhs_stride: stride,
                    lhs_part_len: LhsPacking::new(kernel, k).part_len(),
                    panel: panel.as_ptr(),
                    fetch,
                    sums: sums.as_mut_ptr(),
                }
                .compute(s, kernel);
            }
            let mut sums = &sums[..tile.len() * width];
            while !tile_pixels.is_empty() {
                let (pitch, to) = (ring.pixel, ring.run_mut(&tile_pixels));
                let run = to.len() / pitch;
                let (of_run, others) = sums.split_at(run * width);
                let (residual, out) = (std::ptr::null(), Destination::F32(to.as_mut_ptr()));
                // SAFETY: `to` has the pixels of `of_run`, `pitch` apart, and is borrowed for this call only.
                unsafe {
                    OutputTile { columns: pitch, residual, out, at: 0, pitch }
                        .finish(s, f, &transform, of_run, width);
                }
                tile_pixels.start += run;
                sums = others;
            }
        }
    }
}
