//! The tower: weights in, embeddings out.

use crate::{
    AlignVisionConfig, PoolingType, VisionError, VisionOptions, VisionOutput,
    block::Block,
    fold::{Convolution, Folded},
};
use align_tensor::{
    Activation, Arena, CheckpointError, KeptArena, Profile, Runtime, Stem, Team, Weights, max_pool,
    mean_pool,
};
use ndarray::{Array2, Array4, ArrayView3, ArrayView4, Axis, Slice};

/// The images that go through the tower together. More share no further weights in the caches
/// and only take memory.
const MAX_BATCH: usize = 8;

/// The EfficientNet tower, its batch norms folded and its weights packed.
#[derive(Debug)]
pub struct VisionTower {
    config: AlignVisionConfig,
    runtime: Runtime,
    stem: Stem,
    blocks: Vec<Block>,
    arena: KeptArena,
}

/// The sizes of every map on the way through the tower.
struct Plan {
    /// Image, stem output, and every block's.
    sizes: Vec<(usize, usize)>,
    /// Values of the largest map between two blocks, for one image.
    largest: usize,
}

impl VisionTower {
    /// Loads the tower from `weights`, rooted at the vision model (`embeddings`, `encoder`).
    ///
    /// # Errors
    /// Where a tensor is missing or has another shape or type than the configuration says.
    ///
    /// # Panics
    /// Where the configuration is not valid: see [`AlignVisionConfig::validate`].
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

    /// The configuration that it was loaded with.
    pub fn config(&self) -> &AlignVisionConfig {
        &self.config
    }

    /// Runs the tower on `pixel_values [images, channels, height, width]`.
    ///
    /// # Errors
    /// Where the images have another number of channels than the model, or are too small or too
    /// large for it.
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
        let mut profile = Profile::off();
        let observe = |layer: usize, first: usize, batch: usize, map: &[f32]| {
            if !options.hidden_states && layer != last {
                return;
            }
            let (height, width) = plan.sizes[layer + 1];
            let channels = self.channels_after(layer);
            let map = ArrayView4::from_shape((batch, height, width, channels), map)
                .expect("a map has the planned size");
            let slot = if options.hidden_states { layer } else { 0 };
            if maps.len() <= slot {
                maps.push(Array4::zeros((images, channels, height, width)));
            }
            maps[slot]
                .slice_axis_mut(Axis(0), Slice::from(first..first + batch))
                .assign(&map.permuted_axes([0, 3, 1, 2]));
        };
        self.run(pixel_values, &plan, &mut pooler_output, &mut profile, observe);
        let (height, width) = plan.sizes[last + 1];
        let empty = || Array4::zeros((0, self.config.embedding_size(), height, width));
        Ok(VisionOutput {
            last_hidden_state: maps.last().cloned().unwrap_or_else(empty),
            pooler_output,
            hidden_states: options.hidden_states.then_some(maps),
        })
    }

    /// The pooled output alone: `[images, embedding_size]`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn features(&self, pixel_values: ArrayView4<'_, f32>) -> Result<Array2<f32>, VisionError> {
        self.features_profiled(pixel_values, &mut Profile::off())
    }

    /// [`features`](Self::features), with every step recorded in `profile`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn features_profiled(
        &self,
        pixel_values: ArrayView4<'_, f32>,
        profile: &mut Profile,
    ) -> Result<Array2<f32>, VisionError> {
        let plan = self.plan(pixel_values.dim())?;
        let images = pixel_values.len_of(Axis(0));
        let mut pooled = Array2::zeros((images, self.config.embedding_size()));
        self.run(pixel_values, &plan, &mut pooled, profile, |_, _, _, _| {});
        Ok(pooled)
    }

    /// Channels of the stem's output (layer 0) or a block's.
    fn channels_after(&self, layer: usize) -> usize {
        match layer {
            0 => self.stem.channels(),
            _ => self.blocks[layer - 1].out_channels(),
        }
    }

    /// Follows the map's size through the tower, before anything is computed or allocated.
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

    /// Runs all images, some at a time, and calls `observe(layer, first image, images, map)` with
    /// the stem's output as layer 0 and every block's.
    fn run(
        &self,
        pixel_values: ArrayView4<'_, f32>,
        plan: &Plan,
        pooled: &mut Array2<f32>,
        profile: &mut Profile,
        mut observe: impl FnMut(usize, usize, usize, &[f32]),
    ) {
        self.arena.with(|arena| {
            self.runtime.threads.gather(|team| {
                let batches = pixel_values
                    .axis_chunks_iter(Axis(0), MAX_BATCH)
                    .zip(pooled.axis_chunks_iter_mut(Axis(0), MAX_BATCH));
                for (index, (pixels, mut pooled)) in batches.enumerate() {
                    let first = index * MAX_BATCH;
                    let pooled = pooled.as_slice_mut().expect("rows of a standard array");
                    self.run_batch(team, arena, pixels, plan, pooled, profile, |layer, map| {
                        observe(layer, first, pixels.len_of(Axis(0)), map);
                    });
                }
            });
        });
    }

    /// Runs one batch.
    #[expect(
        clippy::too_many_arguments,
        reason = "the state of a forward, borrowed piece by piece"
    )]
    fn run_batch(
        &self,
        team: &Team<'_>,
        arena: &mut Arena,
        pixels: ArrayView4<'_, f32>,
        plan: &Plan,
        pooled: &mut [f32],
        profile: &mut Profile,
        mut observe: impl FnMut(usize, &[f32]),
    ) {
        let images = pixels.len_of(Axis(0));
        let (height, width) = plan.sizes[0];
        let stem_scratch = self.runtime.threads.count() * self.stem.scratch_len(width);
        let needs = |layer: usize| self.blocks[layer].arena_sizes(images, plan.sizes[layer + 1]);
        let most = (0..self.blocks.len())
            .map(|layer| Arena::size_of(needs(layer)))
            .chain([Arena::size_of([stem_scratch, pixels.len() / images])])
            .max()
            .unwrap_or(0);
        let mut space = arena.open([images * plan.largest, images * plan.largest, most]);
        let mut current = space.take(images * plan.largest);
        let mut next = space.take(images * plan.largest);

        let stem_len = plan.sizes[1].0 * plan.sizes[1].1 * self.stem.channels();
        for (image, out) in pixels.outer_iter().zip(current.chunks_exact_mut(stem_len)) {
            let mut space = space.reborrow();
            let scratch = space.take(stem_scratch);
            let image = contiguous(image, space.take(image.len()));
            profile.time(
                || "stem".to_owned(),
                self.stem.flops(height, width),
                || self.stem.run(team, image, (height, width), scratch, out),
            );
        }
        observe(0, &current[..images * stem_len]);
        for (layer, block) in self.blocks.iter().enumerate() {
            let size = plan.sizes[layer + 1];
            let out_size = plan.sizes[layer + 2];
            let in_len = images * size.0 * size.1 * self.channels_after(layer);
            let out_len = images * out_size.0 * out_size.1 * block.out_channels();
            let out = &mut next[..out_len];
            let name = format!("blocks.{layer}");
            let input = &current[..in_len];
            block.forward(team, space.reborrow(), input, images, size, out, (profile, &name));
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

/// The image's values in order: its own memory where they are, else a copy in `room`.
fn contiguous<'a>(image: ArrayView3<'a, f32>, room: &'a mut [f32]) -> &'a [f32] {
    if let Some(values) = image.to_slice() {
        return values;
    }
    for (slot, &value) in room.iter_mut().zip(image.iter()) {
        *slot = value;
    }
    room
}
