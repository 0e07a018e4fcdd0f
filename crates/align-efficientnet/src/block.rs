//! An inverted-residual block: expansion, depthwise convolution, squeeze-excite, projection.

use crate::config::BlockConfig;
use crate::fold::{Convolution, Folded};
use align_tensor::{
    Activation, ArenaSize, CheckpointError, DepthwiseGeometry, Epilogue, ExpandDepthwise,
    Expansion, Forward, Lhs, Linear, NumberFormat, NumbersMut, PackedWeights, Precision, Runtime,
    Team, Weights, gemm, scale_channels,
};

/// The largest expanded map of a group of images, in values. The caches that cores share can be
/// expected to hold it.
const GROUP_LEN: usize = 2 << 20;

/// The pixels that a task scales.
const SCALED_PIXELS: usize = 16;

/// One block, its weights folded and packed.
#[derive(Debug)]
pub(crate) struct Block {
    runtime: Runtime,
    expand_depthwise: ExpandDepthwise,
    squeeze_excite: SqueezeExcite,
    projection: PackedWeights,
    projection_bias: Vec<f32>,
    residual: bool,
}

/// The operand of the projection that is scaled by a factor for each channel.
enum Scaling {
    /// The weights, a panel at a time: they are smaller than the input.
    Weights,
    /// The input, in place.
    Input,
    /// The input, while it is rounded for the product.
    RoundedInput,
}

/// `sigmoid(expand(act(reduce(means))))`: a factor for each channel of an image.
#[derive(Debug)]
struct SqueezeExcite {
    activation: Activation,
    reduce: Linear,
    expand: Linear,
}

impl Block {
    /// Loads the block from `weights`, rooted at it (`expansion`, `depthwise_conv`, ...).
    pub(crate) fn load(
        config: &BlockConfig,
        activation: Activation,
        eps: f64,
        weights: &Weights<'_>,
        runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        let isa = runtime.isa;
        let (inputs, channels) = (config.in_channels, config.expanded_channels);
        let load = |convolution: &Convolution| Folded::load(weights, convolution, eps);
        let expansion = Convolution::expansion(config).as_ref().map(load).transpose()?;
        let expansion =
            expansion.map(|folded| Expansion::new(folded.pack(runtime, inputs), folded.bias));
        let depthwise = load(&Convolution::depthwise(config))?;
        let projection = load(&Convolution::projection(config))?;
        Ok(Self {
            runtime: runtime.clone(),
            expand_depthwise: ExpandDepthwise::new(
                isa,
                expansion,
                geometry(config),
                &depthwise.weights.into_f32(),
                depthwise.bias,
                activation,
            ),
            squeeze_excite: SqueezeExcite::load(config, activation, weights, runtime)?,
            projection: projection.pack(runtime, channels),
            projection_bias: projection.bias,
            residual: config.residual,
        })
    }

    /// Channels of the output.
    pub(crate) fn out_channels(&self) -> usize {
        self.projection_bias.len()
    }

    /// The height and width of the output for a map of `height` x `width`. Both may be zero.
    pub(crate) fn output_size(&self, (height, width): (usize, usize)) -> (usize, usize) {
        let geometry = self.expand_depthwise.geometry();
        (geometry.output_len(height), geometry.output_len(width))
    }

    /// The number of images that go through the block together. It is larger than one if maps are
    /// small, so that weights are read once for several images.
    fn group(&self, (height, width): (usize, usize)) -> usize {
        let (out_height, out_width) = self.output_size((height, width));
        (GROUP_LEN / (out_height * out_width * self.expand_depthwise.channels()).max(1)).max(1)
    }

    /// The operand that squeeze-excite scales. The choice depends on the size of one image only, so
    /// the batch does not change results.
    fn scaling(&self, out_pixels: usize) -> Scaling {
        if self.projection.precision() != Precision::F32 {
            Scaling::RoundedInput
        } else if out_pixels > self.out_channels() {
            Scaling::Weights
        } else {
            Scaling::Input
        }
    }

    /// The format of the expanded map.
    fn format(&self) -> NumberFormat {
        self.projection.precision().value_format()
    }

    /// The arena space that [`run`](Self::run) takes for a batch.
    pub(crate) fn arena_size(&self, images: usize, size: (usize, usize)) -> ArenaSize {
        let group = self.group(size).min(images);
        let (out_height, out_width) = self.output_size(size);
        let channels = group * self.expand_depthwise.channels();
        let squeezed = group * self.squeeze_excite.reduce.outputs();
        let workers = self.runtime.threads.count();
        ArenaSize::for_numbers(self.format(), out_height * out_width * channels)
            + [channels, squeezed, channels].map(ArenaSize::for_array::<f32>).into_iter().sum()
            + self.expand_depthwise.arena_size(workers, group, size)
    }

    /// Runs on `input [images, height, width, inputs]` and writes `output [images, out_height,
    /// out_width, out_channels]`.
    pub(crate) fn run(
        &self,
        forward: &mut Forward<'_>,
        input: &[f32],
        size: (usize, usize),
        output: &mut [f32],
    ) {
        let (out_height, out_width) = self.output_size(size);
        let out_pixels = out_height * out_width;
        let in_len = size.0 * size.1 * self.expand_depthwise.inputs();
        let out_len = out_pixels * self.out_channels();
        let group = self.group(size);
        let groups = input.chunks(group * in_len).zip(output.chunks_mut(group * out_len));
        for (input, output) in groups {
            let mut forward = forward.reborrow();
            let images = input.len() / in_len;
            let channels = images * self.expand_depthwise.channels();
            let squeezed = images * self.squeeze_excite.reduce.outputs();
            let mut expanded = forward.take_numbers(self.format(), out_pixels * channels);
            let means = forward.take(channels);
            let hidden = forward.take(squeezed);
            let scales = forward.take(channels);

            let flops = images * self.expand_depthwise.flops(size.0, size.1);
            let step = forward.step("expand_depthwise", flops);
            self.expand_depthwise.run(&mut forward, input, size, expanded.reborrow(), means);
            step.finish();

            let step =
                forward.step("squeeze_excite", 4 * channels * self.squeeze_excite.reduce.outputs());
            self.squeeze_excite.run(forward.team(), means, hidden, scales);
            step.finish();

            let step = forward.step("project", 2 * out_pixels * channels * self.out_channels());
            self.project(forward.team(), expanded, scales, input, output);
            step.finish();
        }
    }

    /// Projects `expanded [images, out_pixels, channels]`, times `scales [images, channels]`, to
    /// `output [images, out_pixels, out_channels]`. Adds `input` if the block has a residual.
    fn project(
        &self,
        team: &Team<'_>,
        expanded: NumbersMut<'_>,
        scales: &[f32],
        input: &[f32],
        output: &mut [f32],
    ) {
        let channels = self.expand_depthwise.channels();
        let map_len = expanded.len() / scales.len() * channels;
        let epilogue = |residual| {
            let epilogue = Epilogue::default().bias(&self.projection_bias);
            if self.residual { epilogue.residual(residual) } else { epilogue }
        };
        match (self.scaling(map_len / channels), expanded) {
            (Scaling::Weights, NumbersMut::F32(expanded)) => {
                let images = scales.len() / channels;
                let maps = expanded.chunks_exact(map_len).zip(scales.chunks_exact(channels));
                let outputs = output.chunks_exact_mut(output.len() / images);
                let inputs = input.chunks_exact(input.len() / images);
                for (((map, scales), input), output) in maps.zip(inputs).zip(outputs) {
                    let map = Lhs::from_scaled(map, scales);
                    gemm(team, map, &self.projection, epilogue(input), output);
                }
            }
            (Scaling::Input, NumbersMut::F32(expanded)) => {
                let isa = self.runtime.isa;
                let maps = expanded.chunks_exact_mut(map_len);
                for (map, scales) in maps.zip(scales.chunks_exact(channels)) {
                    team.run_chunks(map, SCALED_PIXELS * channels, |_, pixels| {
                        scale_channels(isa, pixels, scales);
                    });
                }
                gemm(team, &*expanded, &self.projection, epilogue(input), output);
            }
            (Scaling::RoundedInput, expanded) => {
                let inputs = Lhs::from_scaled(expanded.as_numbers(), scales);
                gemm(team, inputs, &self.projection, epilogue(input), output);
            }
            (Scaling::Weights | Scaling::Input, _) => unreachable!("products of f32 read f32"),
        }
    }
}

impl SqueezeExcite {
    fn load(
        config: &BlockConfig,
        activation: Activation,
        weights: &Weights<'_>,
        runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        let (channels, squeezed) = (config.expanded_channels, config.squeeze_channels);
        let layer = |name: &str, outputs, inputs| {
            let module = weights.sub("squeeze_excite").sub(name);
            // These products have one row for each image: too little work to be worth rounding.
            Linear::load(runtime.isa, Precision::F32, &module, &[outputs, inputs, 1, 1])
        };
        let reduce = layer("reduce", squeezed, channels)?;
        let expand = layer("expand", channels, squeezed)?;
        Ok(Self { activation, reduce, expand })
    }

    /// Computes `scales [images, channels]` of `means [images, channels]`.
    fn run(&self, team: &Team<'_>, means: &[f32], hidden: &mut [f32], scales: &mut [f32]) {
        self.reduce.run(team, means, self.activation, None, &mut *hidden);
        self.expand.run(team, &*hidden, Activation::Sigmoid, None, scales);
    }
}

/// The padding of a block. It is equal on all sides at stride 1. At stride 2 it is one less above and
/// to the left, for even and odd sizes, except in the blocks that the configuration names.
fn geometry(config: &BlockConfig) -> DepthwiseGeometry {
    let half = config.kernel_size / 2;
    let before = if config.stride == 1 || config.even_padding { half } else { half - 1 };
    DepthwiseGeometry { kernel: config.kernel_size, stride: config.stride, before, after: half }
}
