//! The first half of an inverted-residual block, in one pass.
//!
//! `expanded = act(input * W_expand + b_expand)` (absent where the block's ratio is 1),
//! `out = act(depthwise(expanded) + b)`, `means = mean of out over height and width`.
//!
//! A task is one panel of expanded channels of one image, or some rows of them. It walks down the
//! map: the rows that the next few output rows need are expanded into a ring of rows, zero-padded
//! at the sides, and the depthwise convolution reads them from there, still in the cache. The
//! means are added up from sums of single rows, in order, so they do not depend on who had which
//! rows. Where the product reads rounded numbers, the input is rounded once, before all tasks: each panel reads all
//! of it.
//!
//! - [`ring`]: the rows between the two steps.
//! - [`task`]: what one task does.

mod ring;
mod task;

use super::geometry::{DepthwiseGeometry, MAX_KERNEL};
use crate::cpu::Isa;
use crate::cpu::simd::MAX_LANES;
use crate::cpu::unit::Unit;
use crate::gemm::LhsRows;
use crate::gemm::microkernel::MAX_TILE;
use crate::gemm::packing::layout::PackedLayout;
use crate::gemm::packing::lhs::LhsPacking;
use crate::gemm::{PackedWeights, PackedWeightsView};
use crate::gemm::{SharedOutput, Word};
use crate::math::activation::Activation;
use crate::memory::{AlignedBuffer, round_up_to_line};
use crate::number::sizes::{piece, product};
use crate::number::{Precision, ValuesMut};
use crate::threads::{DisjointMut, Rectangle, Team};
use task::Task;

/// Tasks for each worker from which on it does not matter that some have one more.
const FAIR_TASKS: usize = 12;

/// The height of the least part of a map that is worth a task of its own, in kernels.
const MIN_PART_KERNELS: usize = 3;

/// Maps of so many pixels each, `stride` words apart; behind the last one, what tiles read and make nothing of.
#[derive(Clone, Copy)]
struct Maps<'a> {
    words: &'a [Word],
    stride: usize,
    pixels: usize,
}

impl Maps<'_> {
    /// From map `index` on.
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
    /// Where the sizes do not agree, or the weights are integers.
    pub fn new(weights: PackedWeights, bias: Vec<f32>) -> Self {
        assert_eq!(weights.n(), bias.len(), "a bias for each channel");
        assert!(weights.precision() != Precision::Int8, "weights that are no integers");
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
    /// For each panel of channels: a row of the panel's width for each tap.
    weights: AlignedBuffer<f32>,
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

    /// The floating-point operations for an image of `height` x `width`, two for each product.
    pub fn flops(&self, height: usize, width: usize) -> usize {
        let taps = self.geometry.kernel * self.geometry.kernel;
        let outputs = self.geometry.output_len(height) * self.geometry.output_len(width);
        let expand = self.expansion.as_ref().map_or(0, |e| e.weights.k() * height * width);
        2 * self.channels * (expand + taps * outputs)
    }

    /// The scratch that a run needs for maps of `height` x `width`.
    pub fn scratch_len(
        &self,
        workers: usize,
        images: usize,
        (height, width): (usize, usize),
    ) -> usize {
        let own = product([workers, self.own_len(height, width)]);
        self.rounded_len(product([images, height, width])) + own
    }

    /// The part of the scratch that is the input in the form that the product reads.
    fn rounded_len(&self, pixels: usize) -> usize {
        self.lhs_packing().map_or(0, |packing| round_up_to_line(packing.len(pixels)))
    }

    /// The part of the scratch that is a worker's own.
    fn own_len(&self, height: usize, width: usize) -> usize {
        self.own_sizes(height, width).into_iter().map(round_up_to_line).sum()
    }

    /// The pieces of a worker's part: a line of outputs, the ring, and the sums of a tile.
    fn own_sizes(&self, height: usize, width: usize) -> [usize; 3] {
        let ring = self.geometry.ring(height, width);
        [
            product([self.geometry.output_len(width), MAX_LANES]),
            product([ring, self.geometry.padded(width), 2 * MAX_LANES]),
            MAX_TILE,
        ]
    }

    /// What multiplies.
    fn unit(&self) -> Unit {
        self.expansion.as_ref().map_or(Unit::Fma, |e| e.weights.view().kernel.unit)
    }

    /// The form of the input that the expansion reads, where that is not its own.
    fn lhs_packing(&self) -> Option<LhsPacking> {
        let weights = self.expansion.as_ref()?.weights.view();
        let packing = LhsPacking::new(weights.kernel, weights.k);
        (!packing.is_identity()).then_some(packing)
    }

    /// Runs on `input [images, height, width, inputs]`; writes `out [images, out_height,
    /// out_width, channels]`, rounded where it is kept in bf16, and `means [images, channels]`. `sums [images, out_height, channels]`
    /// is where the rows' sums wait for each other.
    ///
    /// # Panics
    /// Where the sizes do not agree, the output would be empty, or `scratch` is shorter than
    /// [`scratch_len`](Self::scratch_len).
    #[expect(clippy::too_many_arguments, reason = "each is an array or a size of its own")]
    pub fn run(
        &self,
        team: &Team<'_>,
        input: &[f32],
        (height, width): (usize, usize),
        scratch: &mut [f32],
        out: ValuesMut<'_>,
        sums: &mut [f32],
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
        assert_eq!(sums.len(), product([images, out_height, channels]), "sums");
        if images == 0 {
            return;
        }
        let rounded_len = self.rounded_len(product([images, height, width]));
        let (rounded, scratch) = scratch.split_at_mut(rounded_len);
        let maps = self.place(team, input, height * width, rounded);
        let shape = PackedLayout::for_f32(self.isa, channels, 0);
        let panels = shape.panels();
        let parts = self.parts(panels * images, team.workers(), out_height);
        let out = SharedOutput::new(out);
        let shared_sums = DisjointMut::new(&mut *sums);
        // Neighbouring tasks are of one panel where there are several images: its weights stay in the
        // cache. Where rows are cut, a worker's tasks are of the same rows: there it is the input
        // that is large.
        team.run_with_scratch(
            panels * images * parts,
            scratch,
            self.own_len(height, width),
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

    /// The input as the tasks read it: as it is, or rounded into `room`.
    fn place<'a>(
        &self,
        team: &Team<'_>,
        input: &'a [f32],
        pixels: usize,
        room: &'a mut [f32],
    ) -> Maps<'a> {
        let k = self.inputs();
        let Some(packing) = self.lhs_packing() else {
            return Maps { words: bytemuck::cast_slice(input), stride: k, pixels };
        };
        let room: &mut [Word] = bytemuck::cast_slice_mut(room);
        packing.pack_by_team(team, self.isa, LhsRows::from_contiguous(input, k), room);
        let stride = packing.stride();
        Maps { words: room, stride, pixels }
    }

    /// How many pieces the rows are cut into, so that every worker has its share of the tasks.
    /// A cut costs the rows above it that are expanded twice; results do not depend on it.
    fn parts(&self, tasks: usize, workers: usize, out_height: usize) -> usize {
        let most = (out_height / (MIN_PART_KERNELS * self.geometry.kernel)).max(1);
        let fair = |parts: &usize| {
            let tasks = tasks * parts;
            tasks.is_multiple_of(workers) || tasks >= FAIR_TASKS * workers
        };
        (1..=most).find(fair).unwrap_or(most)
    }
}

/// The rows' sums, added in order, over the number of pixels.
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
