//! An inverted-residual block: expansion, depthwise convolution, squeeze-excite, projection.

use crate::{
    BlockConfig,
    fold::{Convolution, Folded},
};
use align_tensor::{
    Activation, ArenaSpace, CheckpointError, DepthwiseGeometry, Epilogue, ExpandDepthwise,
    Expansion, Lhs, Linear, PackedWeights, Precision, Profile, Runtime, Team, ValueFormat, Weights,
    gemm, scale_channels,
};

/// The expanded map that a group of images may fill, in values: what the caches that the cores
/// share can be expected to hold.
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

/// Where a factor for each channel meets the projection of those channels.
enum Scaling {
    /// In the weights, a panel at a time: they are smaller than the input.
    Weights,
    /// In the input, in place.
    Input,
    /// In the input, while it is rounded for the product.
    OnTheWay,
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

    /// The size of the output for a map of `height` x `width`; either may be zero.
    pub(crate) fn output_size(&self, (height, width): (usize, usize)) -> (usize, usize) {
        let geometry = self.expand_depthwise.geometry();
        (geometry.output_len(height), geometry.output_len(width))
    }

    /// The images of a batch that go through the block together: several where their maps are
    /// small, so that a weight read once serves them all.
    fn group(&self, (height, width): (usize, usize)) -> usize {
        let (out_height, out_width) = self.output_size((height, width));
        (GROUP_LEN / (out_height * out_width * self.expand_depthwise.channels()).max(1)).max(1)
    }

    /// How squeeze-excite scales the projection's product. It depends on one image's size alone, so
    /// the batch does not change results.
    fn scaling(&self, out_pixels: usize) -> Scaling {
        if self.projection.precision() != Precision::F32 {
            Scaling::OnTheWay
        } else if out_pixels > self.out_channels() {
            Scaling::Weights
        } else {
            Scaling::Input
        }
    }

    /// How the expanded map is kept.
    fn format(&self) -> ValueFormat {
        self.projection.precision().value_format()
    }

    /// The arena space that [`forward`](Self::forward) takes for a batch.
    pub(crate) fn arena_sizes(&self, images: usize, size: (usize, usize)) -> [usize; 6] {
        let (out_height, out_width) = self.output_size(size);
        let channels = self.expand_depthwise.channels();
        let group = self.group(size).min(images);
        [
            self.expand_depthwise.scratch_len(self.runtime.threads.count(), group, size),
            self.format().words(group * out_height * out_width * channels),
            group * out_height * channels,
            group * channels,
            group * self.squeeze_excite.reduce.outputs(),
            group * channels,
        ]
    }

    /// Runs on `input [images, height, width, inputs]` and writes `output [images, out_height,
    /// out_width, out_channels]`; steps are recorded under `name`.
    #[expect(clippy::too_many_arguments, reason = "each is an array or a size of its own")]
    pub(crate) fn forward(
        &self,
        team: &Team<'_>,
        mut arena: ArenaSpace<'_>,
        input: &[f32],
        images: usize,
        size: (usize, usize),
        output: &mut [f32],
        (profile, name): (&mut Profile, &str),
    ) {
        let [scratch, expanded, sums, means, hidden, scales] =
            self.arena_sizes(images, size).map(|len| arena.take(len));
        let (out_height, out_width) = self.output_size(size);
        let out_pixels = out_height * out_width;
        let channels = self.expand_depthwise.channels();
        let in_len = size.0 * size.1 * self.expand_depthwise.inputs();
        let out_len = out_pixels * self.out_channels();
        let format = self.format();
        let group = self.group(size);
        let groups = input.chunks(group * in_len).zip(output.chunks_mut(group * out_len));
        for (input, output) in groups {
            let images = input.len() / in_len;
            let expanded_len = images * out_pixels * channels;
            let expanded = &mut expanded[..format.words(expanded_len)];
            let sums = &mut sums[..images * out_height * channels];
            let means = &mut means[..images * channels];
            let scales = &mut scales[..images * channels];
            let hidden = &mut hidden[..images * self.squeeze_excite.reduce.outputs()];
            let flops = images * self.expand_depthwise.flops(size.0, size.1);
            profile.time(
                || format!("{name}.expand_depthwise"),
                flops,
                || {
                    let out = format.view_mut(expanded, expanded_len);
                    self.expand_depthwise.run(team, input, size, scratch, out, sums, means);
                },
            );
            profile.time(
                || format!("{name}.squeeze_excite"),
                4 * means.len() * self.squeeze_excite.reduce.outputs(),
                || self.squeeze_excite.run(team, means, hidden, scales),
            );
            let epilogue = |residual| {
                let epilogue = Epilogue::default().bias(&self.projection_bias);
                if self.residual { epilogue.residual(residual) } else { epilogue }
            };
            let mut project = || match self.scaling(out_pixels) {
                Scaling::Weights => {
                    for image in 0..images {
                        let map = out_pixels * channels;
                        let inputs = Lhs::from_scaled(
                            &expanded[image * map..][..map],
                            &scales[image * channels..][..channels],
                        );
                        gemm(
                            team,
                            inputs,
                            &self.projection,
                            epilogue(&input[image * in_len..][..in_len]),
                            &mut output[image * out_len..][..out_len],
                        );
                    }
                }
                Scaling::Input => {
                    let isa = self.runtime.isa;
                    let maps = expanded.chunks_exact_mut(out_pixels * channels);
                    for (map, scales) in maps.zip(scales.chunks_exact(channels)) {
                        team.run_chunks(map, SCALED_PIXELS * channels, |_, pixels| {
                            scale_channels(isa, pixels, scales);
                        });
                    }
                    gemm(team, &*expanded, &self.projection, epilogue(input), &mut *output);
                }
                Scaling::OnTheWay => {
                    let inputs = Lhs::from_scaled(format.view(expanded, expanded_len), scales);
                    gemm(team, inputs, &self.projection, epilogue(input), &mut *output);
                }
            };
            profile.time(
                || format!("{name}.project"),
                2 * images * out_pixels * channels * self.out_channels(),
                &mut project,
            );
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
            // A row for each image: too little work for its rounding to be worth anything.
            Linear::load(runtime.isa, Precision::F32, &module, &[outputs, inputs, 1, 1])
        };
        let reduce = layer("reduce", squeezed, channels)?;
        let expand = layer("expand", channels, squeezed)?;
        Ok(Self { activation, reduce, expand })
    }

    /// `means [images, channels]` to `scales [images, channels]`.
    fn run(&self, team: &Team<'_>, means: &[f32], hidden: &mut [f32], scales: &mut [f32]) {
        self.reduce.run(team, means, self.activation, None, &mut *hidden);
        self.expand.run(team, &*hidden, Activation::Sigmoid, None, scales);
    }
}

/// Stride 1 pads alike on both sides. Stride 2 pads one less above and to the left, whatever the
/// input's parity, but in the blocks that the configuration names.
fn geometry(config: &BlockConfig) -> DepthwiseGeometry {
    let half = config.kernel_size / 2;
    let before = if config.stride == 1 || config.even_padding { half } else { half - 1 };
    DepthwiseGeometry { kernel: config.kernel_size, stride: config.stride, before, after: half }
}
