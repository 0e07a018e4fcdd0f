//! The first half of an inverted-residual block, in one pass.
//!
//! - `expanded = act(input * W_expand + b_expand)`, absent if the block's ratio is 1;
//! - `out = act(depthwise(expanded) + b)`;
//! - `means = mean of out over height and width`.
//!
//! A task is one panel of expanded channels of one image, or some rows of them. It walks down the
//! map. The rows that the next few output rows need are expanded into a ring of rows, zero-padded at
//! the sides. The depthwise convolution reads them from the ring while they are in the cache.
//!
//! The means are sums of the rows' sums, added in order. So they do not depend on the cut into
//! tasks. If the product reads rounded numbers, the input is rounded once, before all tasks, because
//! every panel reads all of it.
//!
//! - [`ring`]: the rows between the two steps.
//! - [`task`]: the work of one task.

mod ring;
mod task;

use crate::cpu::Isa;
use crate::cpu::simd::MAX_LANES;
use crate::cpu::unit::Unit;
use crate::forward::Forward;
use crate::gemm::microkernel::MAX_TILE;
use crate::gemm::packing::layout::PackedLayout;
use crate::gemm::packing::lhs::LhsPacking;
use crate::gemm::{LhsRows, PackedWeights, PackedWeightsView, SharedOutput, Word};
use crate::layers::convolution::geometry::{DepthwiseGeometry, MAX_KERNEL};
use crate::math::activation::Activation;
use crate::memory::{AlignedBuffer, ArenaSize, round_up_to_line};
use crate::number::sizes::{piece, product};
use crate::number::{NumbersMut, Precision};
use crate::threads::{DisjointMut, Rectangle, Team};
use task::Task;

/// Tasks for each worker that make the work fair even if some workers have one task more.
const FAIR_TASKS: usize = 12;

/// The height of the smallest part of a map that is worth a task of its own, in kernels.
const MIN_PART_KERNELS: usize = 3;

/// Maps of `pixels` pixels each, which begin `stride` words apart. Tiles of full height may read rows
/// after the last map, whose content does not matter.
#[derive(Clone, Copy)]
struct Maps<'a> {
    words: &'a [Word],
    stride: usize,
    pixels: usize,
}

impl Maps<'_> {
    /// The maps from map `index` on.
    fn from(self, index: usize) -> Self {
        Self { words: &self.words[index * self.pixels * self.stride..], ..self }
    }
}

/// A 1 x 1 convolution that widens the map.
#[derive(Clone, Debug)]
pub struct Expansion {
    weights: PackedWeights,
    bias: Vec<f32>,
}

impl Expansion {
    /// `weights [channels, inputs]` and `bias [channels]`, batch norm folded in.
    ///
    /// # Panics
    /// If the sizes do not agree, or the weights are integers.
    pub fn new(weights: PackedWeights, bias: Vec<f32>) -> Self {
        assert_eq!(weights.n(), bias.len(), "a bias for each channel");
        assert!(weights.precision() != Precision::Int8, "weights that are not integers");
        Self { weights, bias }
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
    /// For each panel of channels, a row of the panel's width for each tap.
    weights: AlignedBuffer<f32>,
    bias: Vec<f32>,
}

impl ExpandDepthwise {
    /// `weights [channels, kernel, kernel]` and `bias [channels]` of the depthwise convolution,
    /// batch norm folded in. Without an `expansion`, the convolution reads the map itself.
    ///
    /// # Panics
    /// If the sizes do not agree or the geometry is out of its bounds.
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
            assert_eq!(expansion.weights.n(), channels, "a channel for each expanded output");
            assert!(expansion.weights.isa() == isa, "one instruction set");
        }
        // The taps have the layout of the packed weights of a product over the taps.
        let layout = PackedLayout::for_f32(isa, channels, taps);
        let mut packed = AlignedBuffer::zeroed(layout.packed_len());
        let row = |channel: usize| &weights[channel * taps..][..taps];
        PackedWeightsView::pack_rows(isa, layout, row, 1.0, &mut packed);
        Self { isa, expansion, geometry, activation, channels, weights: packed, bias }
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

    /// The floating-point operations for an image of `height` x `width`: two for each product.
    pub fn flops(&self, height: usize, width: usize) -> usize {
        let taps = self.geometry.kernel * self.geometry.kernel;
        let outputs = self.geometry.output_len(height) * self.geometry.output_len(width);
        let expand = self.expansion.as_ref().map_or(0, |e| e.weights.k() * height * width);
        2 * self.channels * (expand + taps * outputs)
    }

    /// The arena space that [`run`](Self::run) takes for maps of `height` x `width`.
    pub fn arena_size(
        &self,
        workers: usize,
        images: usize,
        (height, width): (usize, usize),
    ) -> ArenaSize {
        let packed = self.packed_len(product([images, height, width]));
        let scratch = product([workers, self.scratch_len(height, width)]);
        let sums = product([images, self.geometry.output_len(height), self.channels]);
        ArenaSize::for_array::<Word>(packed)
            + ArenaSize::for_array::<f32>(scratch)
            + ArenaSize::for_array::<f32>(sums)
    }

    /// The words of the input in the form that the product reads; zero if that is its own form.
    fn packed_len(&self, pixels: usize) -> usize {
        self.lhs_packing().map_or(0, |packing| packing.len(pixels))
    }

    /// The scratch of a worker.
    fn scratch_len(&self, height: usize, width: usize) -> usize {
        self.scratch_sizes(height, width).into_iter().map(round_up_to_line).sum()
    }

    /// The pieces of a worker's scratch: a row of outputs, the ring, and the sums of a tile.
    fn scratch_sizes(&self, height: usize, width: usize) -> [usize; 3] {
        let ring = self.geometry.ring(height, width);
        [
            product([self.geometry.output_len(width), MAX_LANES]),
            product([ring, self.geometry.padded(width), 2 * MAX_LANES]),
            MAX_TILE,
        ]
    }

    /// The unit that multiplies.
    fn unit(&self) -> Unit {
        self.expansion.as_ref().map_or(Unit::Fma, |e| e.weights.view().kernel.unit)
    }

    /// The form of the input that the expansion reads, unless that is the input's own.
    fn lhs_packing(&self) -> Option<LhsPacking> {
        let weights = self.expansion.as_ref()?.weights.view();
        let packing = LhsPacking::new(weights.kernel, weights.k);
        (!packing.is_identity()).then_some(packing)
    }

    /// Runs on `input [images, height, width, inputs]`. Writes `out [images, out_height, out_width,
    /// channels]`, rounded to its format, and `means [images, channels]` of values before rounding.
    ///
    /// # Panics
    /// If the sizes do not agree, the output would be empty, or the arena has less space than
    /// [`arena_size`](Self::arena_size).
    pub fn run(
        &self,
        forward: &mut Forward<'_>,
        input: &[f32],
        (height, width): (usize, usize),
        out: NumbersMut<'_>,
        means: &mut [f32],
    ) {
        let channels = self.channels;
        let images = means.len() / channels;
        let out_height = self.geometry.output_len(height);
        let out_width = self.geometry.output_len(width);
        let out_pixels = product([out_height, out_width]);
        assert!(out_pixels > 0, "the output is not empty");
        assert_eq!(means.len(), images * channels, "means [images, channels]");
        assert_eq!(input.len(), product([images, height, width, self.inputs()]), "input");
        assert_eq!(out.len(), product([images, out_pixels, channels]), "out");
        if images == 0 {
            return;
        }
        let mut forward = forward.reborrow();
        let team = forward.team();
        let packed = forward.take(self.packed_len(product([images, height, width])));
        let scratch = forward.take(product([team.workers(), self.scratch_len(height, width)]));
        // The sums of the output's rows.
        let sums = forward.take::<f32>(product([images, out_height, channels]));
        let maps = self.place(team, input, height * width, packed);
        let shape = PackedLayout::for_f32(self.isa, channels, 0);
        let panels = shape.panels();
        let parts = self.parts(panels * images, team.workers(), out_height);
        let out = SharedOutput::new(out);
        let shared_sums = DisjointMut::new(&mut *sums);
        // With several images, neighbouring tasks share a panel, whose weights stay in the cache. If
        // rows are cut, a worker's tasks share rows, because then the input is large.
        team.run_with_scratch(
            panels * images * parts,
            scratch,
            self.scratch_len(height, width),
            |task, scratch| {
                let (part, panel, image) =
                    (task / images / panels, task / images % panels, task % images);
                let columns = shape.columns(panel);
                let rows = piece(out_height, part, parts);
                let sums_start = image * out_height * channels + columns.start;
                let own_sums = Rectangle {
                    start: sums_start + rows.start * channels,
                    rows: rows.len(),
                    columns: columns.len(),
                    pitch: channels,
                };
                let out_start = image * out_pixels * channels;
                let own_out = Rectangle {
                    start: out_start + rows.start * out_width * channels + columns.start,
                    rows: rows.len() * out_width,
                    ..own_sums
                };
                // SAFETY: `image < images`, so both stay within arrays whose sizes were checked above.
                // The task has the panel's columns of its own rows.
                let (sums, out) =
                    unsafe { (shared_sums.claim(own_sums).add(sums_start), out.claim(own_out)) };
                self.activation.visit(Task {
                    block: self,
                    shape,
                    panel,
                    maps: maps.from(image),
                    size: (height, width),
                    out_width,
                    scratch,
                    out,
                    out_start,
                    sums,
                    rows,
                });
            },
        );
        for (sums, means) in
            sums.chunks_exact(out_height * channels).zip(means.chunks_exact_mut(channels))
        {
            mean_of_rows(sums, out_pixels, means);
        }
    }

    /// The input in the form that the tasks read: `input` itself, or a packed copy in `room`.
    fn place<'a>(
        &self,
        team: &Team<'_>,
        input: &'a [f32],
        pixels: usize,
        room: &'a mut [Word],
    ) -> Maps<'a> {
        let k = self.inputs();
        let Some(packing) = self.lhs_packing() else {
            return Maps { words: bytemuck::cast_slice(input), stride: k, pixels };
        };
        packing.pack_by_team(team, self.isa, LhsRows::from_contiguous(input, k), room);
        let stride = packing.stride();
        Maps { words: room, stride, pixels }
    }

    /// The number of pieces that the rows are cut into, so that every worker has a fair share of the
    /// tasks. Each cut costs the rows above it that are expanded twice. Results do not depend on it.
    fn parts(&self, tasks: usize, workers: usize, out_height: usize) -> usize {
        let most = (out_height / (MIN_PART_KERNELS * self.geometry.kernel)).max(1);
        let fair = |parts: &usize| {
            let tasks = tasks * parts;
            tasks.is_multiple_of(workers) || tasks >= FAIR_TASKS * workers
        };
        (1..=most).find(fair).unwrap_or(most)
    }
}

/// Adds the sums of the rows in order and divides them by the number of pixels.
fn mean_of_rows(sums: &[f32], pixels: usize, means: &mut [f32]) {
    means.fill(0.0);
    for row in sums.chunks_exact(means.len()) {
        for (mean, sum) in means.iter_mut().zip(row) {
            *mean += sum;
        }
    }
    means.iter_mut().for_each(|mean| *mean /= pixels as f32);
}

#[cfg(test)]
mod tests;
