//! The first half of an inverted-residual block, in one pass.
//!
//! `expanded = act(input * W_expand + b_expand)` (absent where the block's ratio is 1),
//! `out = act(depthwise(expanded) + b)`, `means = mean of out over height and width`.
//!
//! A task is one panel of expanded channels of one image. It walks down the map: the rows that
//! the next few output rows need are expanded into a ring of rows, zero-padded at the sides, and
//! the depthwise convolution reads them from there, still in the cache. Since a task has all
//! rows of its channels, nothing is computed twice and the means need no other task.

use super::depthwise::Row;
use crate::{
    Activation, AlignedBuffer, Isa, PackedMatrix,
    activation::{ActivationVisitor, VectorFn},
    gemm::{
        PackedShape, finish_row,
        microkernel::{self, MAX_TILE, Tile, row_tiles},
    },
    simd::{MAX_LANES, Op, Simd},
    threads::{SharedMut, Team},
};

/// The pixels that are expanded at a time, where a row has fewer: six tiles of rows.
const BAND_PIXELS: usize = 72;

/// The largest side of a depthwise kernel.
const MAX_KERNEL: usize = 31;

/// Kernel, stride and padding of a depthwise convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseGeometry {
    /// The side of the square kernel: at most 31.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Zeros above and to the left.
    pub before: usize,
    /// Zeros below and to the right.
    pub after: usize,
}

impl DepthwiseGeometry {
    /// The outputs along a side of `len` inputs: none where the kernel does not fit.
    pub fn output_len(&self, len: usize) -> usize {
        let padded = len + self.before + self.after;
        if padded < self.kernel { 0 } else { (padded - self.kernel) / self.stride + 1 }
    }

    /// The output rows that are computed at a time.
    fn band(&self, width: usize) -> usize {
        BAND_PIXELS.div_ceil((width * self.stride).max(1))
    }

    /// The input rows that a band of output rows reads.
    fn ring(&self, height: usize, width: usize) -> usize {
        height.min((self.band(width) - 1) * self.stride + self.kernel)
    }

    fn padded_width(&self, width: usize) -> usize {
        self.before + width + self.after
    }
}

/// A 1 x 1 convolution that widens the map.
#[derive(Clone, Debug)]
pub struct Expansion {
    weights: PackedMatrix,
    bias: Vec<f32>,
}

impl Expansion {
    /// `weights [channels, inputs]` and `bias [channels]`, batch norm folded in.
    ///
    /// # Panics
    /// Where the sizes do not agree.
    pub fn new(isa: Isa, weights: &[f32], bias: Vec<f32>, inputs: usize) -> Self {
        Self { weights: PackedMatrix::pack(isa, weights, bias.len(), inputs), bias }
    }
}

/// Expansion, depthwise convolution and pooling, their weights packed.
#[derive(Clone, Debug)]
pub struct ExpandDepthwise {
    isa: Isa,
    expansion: Option<Expansion>,
    geometry: DepthwiseGeometry,
    activation: Activation,
    channels: usize,
    /// For each panel of channels: a row of the panel's width for each tap.
    weights: AlignedBuffer,
    bias: Vec<f32>,
}

impl ExpandDepthwise {
    /// `weights [channels, kernel, kernel]` and `bias [channels]` of the depthwise convolution,
    /// batch norm folded in; `expansion` gives its input, or is absent where the map itself does.
    ///
    /// # Panics
    /// Where the sizes do not agree or the geometry is out of its bounds.
    pub fn new(
        isa: Isa,
        expansion: Option<Expansion>,
        geometry: DepthwiseGeometry,
        weights: &[f32],
        bias: Vec<f32>,
        activation: Activation,
    ) -> Self {
        let channels = bias.len();
        let taps = geometry.kernel * geometry.kernel;
        assert_eq!(weights.len(), channels * taps, "weights [{channels}, kernel, kernel]");
        assert!((1..=MAX_KERNEL).contains(&geometry.kernel), "kernel up to {MAX_KERNEL}");
        assert!((1..=2).contains(&geometry.stride), "stride 1 or 2");
        assert!(geometry.before < geometry.kernel && geometry.after < geometry.kernel);
        if let Some(expansion) = &expansion {
            assert_eq!(expansion.weights.n(), channels, "the expansion gives the channels");
            assert!(expansion.weights.isa() == isa, "one instruction set");
        }
        // The taps' rows are packed as the weights of a product over the taps would be.
        let packed = PackedMatrix::pack(isa, weights, channels, taps);
        Self { isa, expansion, geometry, activation, channels, weights: packed.into_data(), bias }
    }

    /// Channels of the output.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Channels of the input.
    pub fn inputs(&self) -> usize {
        self.expansion.as_ref().map_or(self.channels, |expansion| expansion.weights.k())
    }

    /// Kernel, stride and padding.
    pub fn geometry(&self) -> DepthwiseGeometry {
        self.geometry
    }

    /// The scratch that each worker needs for a map of `height` x `width`.
    pub fn scratch_len(&self, height: usize, width: usize) -> usize {
        let ring = self.geometry.ring(height, width);
        let line = self.geometry.output_len(width) * MAX_LANES;
        line + ring * self.geometry.padded_width(width) * 2 * MAX_LANES
    }

    /// Runs on `input [images, height, width, inputs]`; writes `out [images, out_height,
    /// out_width, channels]` and `means [images, channels]`.
    ///
    /// # Panics
    /// Where the sizes do not agree, the output would be empty, or `scratch` does not hold
    /// [`scratch_len`](Self::scratch_len) for every worker.
    pub fn run(
        &self,
        team: &Team<'_>,
        input: &[f32],
        (height, width): (usize, usize),
        scratch: &mut [f32],
        out: &mut [f32],
        means: &mut [f32],
    ) {
        let channels = self.channels;
        let images = means.len() / channels;
        let out_height = self.geometry.output_len(height);
        let out_width = self.geometry.output_len(width);
        let out_pixels = out_height * out_width;
        assert!(out_pixels > 0, "the output is not empty");
        assert_eq!(means.len(), images * channels, "means [images, channels]");
        assert_eq!(input.len(), images * height * width * self.inputs(), "input");
        assert_eq!(out.len(), images * out_pixels * channels, "out");
        let shape = PackedShape::new(self.isa, channels, 0);
        let panels = shape.panels();
        let out = SharedMut(out.as_mut_ptr());
        let means = SharedMut(means.as_mut_ptr());
        let input_len = height * width * self.inputs();
        // Neighbouring tasks are the images of one panel: its weights stay in the cache.
        team.run_with_scratch(
            panels * images,
            scratch,
            self.scratch_len(height, width),
            |task, scratch| {
                let (panel, image) = (task / images, task % images);
                let columns = shape.columns(panel);
                // SAFETY: `image < images`, so both stay within `out` and `means`, whose sizes
                // were checked above. The task writes only the panel's columns of its image.
                let (out, means) = unsafe {
                    (
                        out.get().add(image * out_pixels * channels + columns.start),
                        means.get().add(image * channels + columns.start),
                    )
                };
                self.activation.visit(Task {
                    block: self,
                    shape,
                    panel,
                    input: &input[image * input_len..][..input_len],
                    size: (height, width),
                    out_size: (out_height, out_width),
                    scratch,
                    out,
                    means,
                });
            },
        );
    }
}

/// One panel of channels of one image.
struct Task<'a> {
    block: &'a ExpandDepthwise,
    shape: PackedShape,
    panel: usize,
    input: &'a [f32],
    size: (usize, usize),
    out_size: (usize, usize),
    scratch: &'a mut [f32],
    /// The panel's first channel of the first output pixel. Valid for writes of the panel's
    /// columns at each output pixel, `channels` apart.
    out: *mut f32,
    /// Valid for writes of the panel's columns.
    means: *mut f32,
}

impl ActivationVisitor for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn visit<F: VectorFn>(self, f: F) {
        self.block.isa.dispatch(ActivatedTask { task: self, f });
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
        let (out_height, out_width) = task.out_size;
        let columns = task.shape.columns(task.panel);
        let panel_width = task.shape.width(task.panel);
        let channels = task.block.channels;
        let taps = geometry.kernel * geometry.kernel;
        let weights = &task.block.weights[task.panel * 2 * S::LANES * taps..][..panel_width * taps];
        let (line, ring) = task.scratch.split_at_mut(out_width * MAX_LANES);
        let mut ring = Ring {
            rows: geometry.ring(height, width),
            width,
            before: geometry.before,
            pixel: panel_width,
            row: geometry.padded_width(width) * panel_width,
            data: ring,
        };
        ring.clear_padding();

        let mut expanded = 0;
        let mut sums = [s.zero(); 2];
        let band = geometry.band(width);
        for first in (0..out_height).step_by(band) {
            let band = first..out_height.min(first + band);
            // One past the last input row that the band reads.
            let needed = ((band.end - 1) * geometry.stride + geometry.kernel)
                .saturating_sub(geometry.before)
                .min(height);
            if expanded < needed {
                task.block.fill(s, f, &mut ring, task.input, task.panel, expanded..needed);
                expanded = needed;
            }
            for y in band {
                let mut inputs = [std::ptr::null(); MAX_KERNEL];
                for (ky, input) in inputs[..geometry.kernel].iter_mut().enumerate() {
                    let padded = y * geometry.stride + ky;
                    if (geometry.before..geometry.before + height).contains(&padded) {
                        *input = ring.start(padded - geometry.before).as_ptr();
                    }
                }
                for (vector, sum) in sums[..panel_width / S::LANES].iter_mut().enumerate() {
                    let channel = vector * S::LANES;
                    let present = S::LANES.min(columns.len() - channel);
                    let inputs = inputs.map(|input| {
                        if input.is_null() { input } else { input.wrapping_add(channel) }
                    });
                    let bias = s.load_tail(&task.block.bias[columns.start + channel..][..present]);
                    // SAFETY: each input is a row of the ring with its padding, which is as long
                    // as the kernel reaches from the last output (`output_len`); the ring's
                    // pixels and the weights' taps are `panel_width` apart, and this vector is
                    // within them. `line` has a vector for each output.
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
                    let mut row_sum = s.zero();
                    for (x, value) in line.chunks_exact(S::LANES).take(out_width).enumerate() {
                        let value = f.eval(s, s.load_slice(value));
                        row_sum = s.add(row_sum, value);
                        // SAFETY: `out` has the panel's columns at every pixel of row `y`, and
                        // `present` of them are left from `channel` on.
                        unsafe {
                            let out = task.out.add((y * out_width + x) * channels + channel);
                            if present == S::LANES {
                                s.store(out, value);
                            } else {
                                s.store_first(out, present, value);
                            }
                        }
                    }
                    *sum = s.add(*sum, row_sum);
                }
            }
        }
        let pixels = s.splat((out_height * out_width) as f32);
        for (vector, &sum) in sums[..panel_width / S::LANES].iter().enumerate() {
            let channel = vector * S::LANES;
            let present = S::LANES.min(columns.len() - channel);
            // SAFETY: `means` has the panel's columns, and `present` of them are left here.
            unsafe { s.store_first(task.means.add(channel), present, s.div(sum, pixels)) };
        }
    }
}

/// The last few rows of a panel's expanded map, zero-padded left and right.
struct Ring<'a> {
    rows: usize,
    width: usize,
    before: usize,
    /// Values of a pixel: the panel's width.
    pixel: usize,
    /// Values of a padded row.
    row: usize,
    data: &'a mut [f32],
}

impl Ring<'_> {
    /// Row `y` of the map from its left padding on.
    #[inline(always)]
    fn start(&self, y: usize) -> &[f32] {
        &self.data[y % self.rows * self.row..][..self.row]
    }

    /// Pixel `x` of row `y`.
    #[inline(always)]
    fn pixel_mut(&mut self, y: usize, x: usize) -> &mut [f32] {
        let start = y % self.rows * self.row + (self.before + x) * self.pixel;
        &mut self.data[start..][..self.pixel]
    }

    fn clear_padding(&mut self) {
        let inside = self.before * self.pixel..(self.before + self.width) * self.pixel;
        for row in self.data.chunks_exact_mut(self.row).take(self.rows) {
            row[..inside.start].fill(0.0);
            row[inside.end..].fill(0.0);
        }
    }
}

impl ExpandDepthwise {
    /// Brings `rows` of one panel's input to the depthwise convolution into the ring.
    #[inline(always)]
    fn fill<S: Simd, F: VectorFn>(
        &self,
        s: S,
        f: F,
        ring: &mut Ring<'_>,
        input: &[f32],
        panel: usize,
        rows: std::ops::Range<usize>,
    ) {
        let width = ring.width;
        let pixels = rows.start * width..rows.end * width;
        match &self.expansion {
            None => {
                let first = panel * 2 * S::LANES;
                let present = ring.pixel.min(self.channels - first);
                for pixel in pixels {
                    let from = &input[pixel * self.channels + first..][..present];
                    let to = ring.pixel_mut(pixel / width, pixel % width);
                    to[..present].copy_from_slice(from);
                    to[present..].fill(0.0);
                }
            }
            Some(expansion) => {
                let packed = expansion.weights.view();
                let k = packed.k;
                let columns = packed.shape().columns(panel);
                let bias = &expansion.bias[columns.clone()];
                let panel = packed.panel(panel);
                let mut sums = [0.0f32; MAX_TILE];
                let tiles = row_tiles(pixels.len(), microkernel::max_rows::<S>());
                for tile in 0..tiles.count() {
                    let tile = tiles.rows(tile);
                    let a = &input[(pixels.start + tile.start) * k..][..tile.len() * k];
                    // SAFETY: `a` is `tile.len()` rows of `k`, `panel` `k` rows of the panel's
                    // width, and `sums` holds the largest tile.
                    unsafe {
                        Tile {
                            rows: tile.len(),
                            k,
                            width: ring.pixel,
                            a: a.as_ptr(),
                            stride: k,
                            panel: panel.as_ptr(),
                            sums: sums.as_mut_ptr(),
                        }
                        .compute(s);
                    }
                    for (pixel, sums) in tile.zip(sums.chunks_exact(ring.pixel)) {
                        let pixel = pixels.start + pixel;
                        let to = ring.pixel_mut(pixel / width, pixel % width);
                        // SAFETY: `sums` is a row of whole vectors, `bias` and `to` have the
                        // panel's columns.
                        unsafe {
                            finish_row(
                                s,
                                f,
                                sums.as_ptr(),
                                bias.as_ptr(),
                                std::ptr::null(),
                                to.as_mut_ptr(),
                                columns.len(),
                            );
                        }
                        to[columns.len()..].fill(0.0);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
