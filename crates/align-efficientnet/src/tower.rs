//! The tower: weights in, embeddings out.

use crate::block::Block;
use crate::config::{AlignVisionConfig, PoolingType};
use crate::fold::{Convolution, Folded};
use crate::output::{VisionError, VisionOptions, VisionOutput};
use align_tensor::{
    Activation, ArenaSize, CheckpointError, Forward, KeptArena, Profile, Runtime, Stem, Weights,
    max_pool, mean_pool,
};
use ndarray::{Array2, Array4, ArrayView3, ArrayView4, Axis, Slice};

/// The number of images that go through the tower together. More images would not reuse more
/// weights in the caches, and would only cost memory.
const MAX_BATCH: usize = 8;

/// The EfficientNet tower, with folded batch norms and packed weights.
///
/// [`Profile::record`](align_tensor::Profile::record) records the steps of its forwards.
#[derive(Debug)]
pub struct VisionTower {
    config: AlignVisionConfig,
    runtime: Runtime,
    stem: Stem,
    blocks: Vec<Block>,
    arena: KeptArena,
}

/// The sizes of all maps of a forward.
struct Plan {
    /// Height and width of the image, of the stem's output, and of every block's output.
    sizes: Vec<(usize, usize)>,
    /// Values of the largest map between two blocks, for one image.
    largest: usize,
}

/// A map that a layer has computed.
struct Map<'a> {
    /// 0 for the stem, then the blocks from 1 on.
    layer: usize,
    /// Index of the batch's first image.
    first: usize,
    /// The number of images in the batch.
    images: usize,
    /// `[images, height, width, channels]`.
    values: &'a [f32],
}

impl VisionTower {
    /// Loads the tower from `weights`, rooted at the vision model (`embeddings`, `encoder`).
    ///
    /// # Errors
    /// If a tensor is missing or does not have the shape or type that follows from the configuration.
    ///
    /// # Panics
    /// If the configuration is not valid: see [`AlignVisionConfig::validate`].
    pub fn load(
        config: &AlignVisionConfig,
        weights: &Weights<'_>,
        runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        let activation = Activation::from_name(&config.hidden_act)
            .expect("a validated configuration")
            .rounded_to(runtime.precision());
        let eps = config.batch_norm_eps;
        let stem = Folded::load(weights, &Convolution::stem(config), eps)?;
        let stem_weights = stem.weights.into_f32();
        let stem =
            Stem::new(runtime.isa, &stem_weights, stem.bias, config.num_channels, activation);
        let encoder = weights.sub("encoder").sub("blocks");
        let blocks = config.blocks();
        let load = |i| Block::load(&blocks[i], activation, eps, &encoder.sub(i), runtime);
        let blocks = runtime.threads.gather(|team| team.map(blocks.len(), load));
        let blocks = blocks.into_iter().collect::<Result<_, _>>()?;
        let arena = KeptArena::default();
        Ok(Self { config: config.clone(), runtime: runtime.clone(), stem, blocks, arena })
    }

    /// The tower's configuration.
    pub fn config(&self) -> &AlignVisionConfig {
        &self.config
    }

    /// Runs the tower on `pixel_values [images, channels, height, width]`.
    ///
    /// # Errors
    /// If the images do not have the model's number of channels, or are too small or too large for
    /// the model.
    pub fn forward(
        &self,
        pixel_values: ArrayView4<'_, f32>,
        options: VisionOptions,
    ) -> Result<VisionOutput, VisionError> {
        let plan = self.plan(pixel_values.dim())?;
        let images = pixel_values.len_of(Axis(0));
        let mut pooler_output = Array2::zeros((images, self.config.embedding_size()));
        let mut maps: Vec<Array4<f32>> = Vec::new();
        let last = self.blocks.len();
        let observe = |Map { layer, first, images: batch, values }: Map<'_>| {
            if !options.hidden_states && layer != last {
                return;
            }
            let (height, width) = plan.sizes[layer + 1];
            let channels = self.channels_after(layer);
            let map = ArrayView4::from_shape((batch, height, width, channels), values)
                .expect("a map has the planned size");
            let slot = if options.hidden_states { layer } else { 0 };
            if maps.len() <= slot {
                maps.push(Array4::zeros((images, channels, height, width)));
            }
            maps[slot]
                .slice_axis_mut(Axis(0), Slice::from(first..first + batch))
                .assign(&map.permuted_axes([0, 3, 1, 2]));
        };
        self.run(pixel_values, &plan, &mut pooler_output, observe);
        let (height, width) = plan.sizes[last + 1];
        let empty = || Array4::zeros((0, self.config.embedding_size(), height, width));
        Ok(VisionOutput {
            last_hidden_state: maps.last().cloned().unwrap_or_else(empty),
            pooler_output,
            hidden_states: options.hidden_states.then_some(maps),
        })
    }

    /// The pooled output only: `[images, embedding_size]`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn features(&self, pixel_values: ArrayView4<'_, f32>) -> Result<Array2<f32>, VisionError> {
        let plan = self.plan(pixel_values.dim())?;
        let images = pixel_values.len_of(Axis(0));
        let mut pooled = Array2::zeros((images, self.config.embedding_size()));
        self.run(pixel_values, &plan, &mut pooled, |_| {});
        Ok(pooled)
    }

    /// Channels of the output of the stem (layer 0) or of a block.
    fn channels_after(&self, layer: usize) -> usize {
        match layer {
            0 => self.stem.channels(),
            _ => self.blocks[layer - 1].out_channels(),
        }
    }

    /// Computes the sizes of all maps, before anything else is computed or allocated.
    fn plan(
        &self,
        (_, channels, height, width): (usize, usize, usize, usize),
    ) -> Result<Plan, VisionError> {
        let expected = self.config.num_channels;
        if channels != expected {
            return Err(VisionError::Channels { expected, found: channels });
        }
        let mut sizes = vec![(height, width)];
        let mut size = (Stem::output_len(height), Stem::output_len(width));
        let mut largest = 0;
        for layer in 0..=self.blocks.len() {
            if layer > 0 {
                size = self.blocks[layer - 1].output_size(size);
            }
            if size.0 == 0 || size.1 == 0 {
                return Err(VisionError::TooSmall { height, width });
            }
            sizes.push(size);
            largest = largest.max(size.0 * size.1 * self.channels_after(layer));
        }
        let limit = self.config.hidden_dim;
        let (map_height, map_width) = size;
        if map_height > limit || map_width > limit {
            return Err(VisionError::TooLarge { height, width, map_height, map_width, limit });
        }
        Ok(Plan { sizes, largest })
    }

    /// Runs all images, some at a time, and calls `observe` with the output of the stem and of every
    /// block.
    fn run(
        &self,
        pixel_values: ArrayView4<'_, f32>,
        plan: &Plan,
        pooled: &mut Array2<f32>,
        mut observe: impl FnMut(Map<'_>),
    ) {
        let profile = Profile::current();
        self.arena.with(|arena| {
            self.runtime.threads.gather(|team| {
                let batches = pixel_values
                    .axis_chunks_iter(Axis(0), MAX_BATCH)
                    .zip(pooled.axis_chunks_iter_mut(Axis(0), MAX_BATCH));
                for (index, (pixels, mut pooled)) in batches.enumerate() {
                    let (first, images) = (index * MAX_BATCH, pixels.len_of(Axis(0)));
                    let pooled = pooled.as_slice_mut().expect("rows of a standard array");
                    let space = arena.open(self.arena_size(images, plan));
                    let forward = Forward::new(team, space, &profile);
                    self.run_batch(forward, pixels, plan, pooled, |layer, values| {
                        observe(Map { layer, first, images, values });
                    });
                }
            });
        });
    }

    /// The arena space that [`run_batch`](Self::run_batch) takes.
    fn arena_size(&self, images: usize, plan: &Plan) -> ArenaSize {
        let (height, width) = plan.sizes[0];
        let map = ArenaSize::for_array::<f32>(images * plan.largest);
        let image = ArenaSize::for_array::<f32>(self.config.num_channels * height * width);
        let stem = image + self.stem.arena_size(self.runtime.threads.count(), width);
        let blocks = self.blocks.iter().zip(&plan.sizes[1..]);
        let layers =
            blocks.map(|(block, &size)| block.arena_size(images, size)).fold(stem, Ord::max);
        map + map + layers
    }

    /// Runs one batch, and calls `observe` with the output of the stem, as layer 0, and of every
    /// block.
    fn run_batch(
        &self,
        mut forward: Forward<'_>,
        pixels: ArrayView4<'_, f32>,
        plan: &Plan,
        pooled: &mut [f32],
        mut observe: impl FnMut(usize, &[f32]),
    ) {
        let images = pixels.len_of(Axis(0));
        let (height, width) = plan.sizes[0];
        let mut current = forward.take(images * plan.largest);
        let mut next = forward.take(images * plan.largest);

        let stem_len = plan.sizes[1].0 * plan.sizes[1].1 * self.stem.channels();
        for (image, out) in pixels.outer_iter().zip(current.chunks_exact_mut(stem_len)) {
            let mut forward = forward.reborrow();
            let image = contiguous(image, forward.take(image.len()));
            let step = forward.step("stem", self.stem.flops(height, width));
            self.stem.run(&mut forward, image, (height, width), out);
            step.finish();
        }
        observe(0, &current[..images * stem_len]);
        for (layer, block) in self.blocks.iter().enumerate() {
            let size = plan.sizes[layer + 1];
            let out_size = plan.sizes[layer + 2];
            let in_len = images * size.0 * size.1 * self.channels_after(layer);
            let out_len = images * out_size.0 * out_size.1 * block.out_channels();
            let out = &mut next[..out_len];
            block.run(&mut forward.layer("blocks", layer), &current[..in_len], size, out);
            observe(layer + 1, out);
            std::mem::swap(&mut current, &mut next);
        }
        let channels = self.config.embedding_size();
        let map_len =
            plan.sizes[self.blocks.len() + 1].0 * plan.sizes[self.blocks.len() + 1].1 * channels;
        for (map, out) in current.chunks_exact(map_len).zip(pooled.chunks_exact_mut(channels)) {
            match self.config.pooling_type {
                PoolingType::Mean => mean_pool(self.runtime.isa, map, channels, out),
                PoolingType::Max => max_pool(map, channels, out),
            }
        }
    }
}

/// The image's values in order: the image itself if it is contiguous, else a copy in `room`.
fn contiguous<'a>(image: ArrayView3<'a, f32>, room: &'a mut [f32]) -> &'a [f32] {
    if let Some(values) = image.to_slice() {
        return values;
    }
    for (slot, &value) in room.iter_mut().zip(image.iter()) {
        *slot = value;
    }
    room
}
