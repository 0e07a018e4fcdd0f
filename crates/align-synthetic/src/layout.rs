//! Tensors of a checkpoint: names, shapes and recipes, module by module.

use crate::calibration::Calibration;
use crate::recipe::{Convolution, Recipe};
use crate::shape::Shape;

/// One tensor of a synthetic checkpoint. Its values are made on demand.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticTensor {
    /// Its name in a checkpoint.
    pub name: String,
    /// Its dimensions, outermost first. Empty for a scalar.
    pub shape: Vec<usize>,
    recipe: Recipe,
}

impl SyntheticTensor {
    /// The number of elements.
    #[allow(clippy::len_without_is_empty, reason = "a scalar has one element; none is empty")]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a checkpoint stores the values as I64 and not as floating-point numbers: the step
    /// counters of batch normalisations.
    pub fn is_integer(&self) -> bool {
        self.recipe == Recipe::Count
    }

    /// The values under `seed`, row-major. Those of an [integer](Self::is_integer) tensor are whole
    /// numbers.
    pub fn values(&self, seed: u64) -> Vec<f32> {
        self.recipe.values(&self.name, &self.shape, seed)
    }
}

/// All tensors of a model, by name in ascending order.
pub(super) fn tensors(shape: &Shape, calibration: &Calibration) -> Vec<SyntheticTensor> {
    let mut layout = Layout { tensors: Vec::new(), calibration };
    layout.vision(shape);
    layout.text(shape);
    layout.dense("text_projection", shape.projection, shape.hidden, 1.0);
    layout.uniform("temperature", &[], 0.0625, 0.0);
    layout.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    layout.tensors
}

/// The gain and bias range of a batch normalisation.
#[derive(Clone, Copy)]
struct Affine {
    weight: (f32, f32),
    bias: f32,
}

/// In front of an activation.
const INNER: Affine = Affine { weight: (1.0, 0.25), bias: 0.125 };

/// In front of a residual sum. Small contributions keep the sum of many blocks well conditioned.
const PROJECTION: Affine = Affine { weight: (0.25, 0.0625), bias: 0.015625 };

struct Layout<'a> {
    tensors: Vec<SyntheticTensor>,
    calibration: &'a Calibration,
}

impl Layout<'_> {
    fn vision(&mut self, shape: &Shape) {
        let stem = shape.round_filters(32);
        self.convolution(
            "vision_model.embeddings",
            ["convolution", "batchnorm"],
            [stem, shape.image_channels, 3],
            INNER,
        );
        let mut index = 0;
        for stage in &shape.stages {
            let out_channels = shape.round_filters(stage.out_channels);
            let mut in_channels = shape.round_filters(stage.in_channels);
            for _ in 0..shape.round_repeats(stage.repeats) {
                let block = format!("vision_model.encoder.blocks.{index}");
                let channels = [in_channels, in_channels * stage.expand_ratio, out_channels];
                self.block(&block, channels, stage.kernel, shape.squeeze_ratio);
                in_channels = out_channels;
                index += 1;
            }
        }
    }

    /// One inverted residual block. `channels`: in, expanded, out.
    fn block(&mut self, name: &str, channels: [usize; 3], kernel: usize, squeeze_ratio: f64) {
        let [input, expanded, output] = channels;
        if expanded != input {
            let names = ["expand_conv", "expand_bn"];
            self.convolution(&format!("{name}.expansion"), names, [expanded, input, 1], INNER);
        }
        let names = ["depthwise_conv", "depthwise_norm"];
        self.convolution(&format!("{name}.depthwise_conv"), names, [expanded, 1, kernel], INNER);
        let squeezed = ((input as f64 * squeeze_ratio) as usize).max(1);
        let squeeze = format!("{name}.squeeze_excite");
        self.weight(&format!("{squeeze}.reduce.weight"), &[squeezed, expanded, 1, 1], 1.0);
        self.uniform(&format!("{squeeze}.reduce.bias"), &[squeezed], 0.0, 0.125);
        self.weight(&format!("{squeeze}.expand.weight"), &[expanded, squeezed, 1, 1], 1.0);
        // Gates are open on average, so that the signal survives 55 of them.
        self.uniform(&format!("{squeeze}.expand.bias"), &[expanded], 1.5, 0.5);
        let names = ["project_conv", "project_bn"];
        self.convolution(&format!("{name}.projection"), names, [output, expanded, 1], PROJECTION);
    }

    /// A convolution without bias and its normalisation. `sizes`: channels out, channels in per
    /// group, kernel.
    fn convolution(&mut self, parent: &str, names: [&str; 2], sizes: [usize; 3], affine: Affine) {
        let [output, input, kernel] = sizes;
        let weight = format!("{parent}.{}.weight", names[0]);
        self.weight(&weight, &[output, input, kernel, kernel], 1.0);

        let norm = format!("{parent}.{}", names[1]);
        let (centre, half_width) = affine.weight;
        self.uniform(&format!("{norm}.weight"), &[output], centre, half_width);
        self.uniform(&format!("{norm}.bias"), &[output], 0.0, affine.bias);
        let convolution = Convolution { weight, fan_in: input * kernel * kernel };
        let input = self.calibration.moments(&norm);
        let mean = Recipe::Mean { convolution: convolution.clone(), input };
        self.push(&format!("{norm}.running_mean"), &[output], mean);
        let variance = Recipe::Variance { convolution, input };
        self.push(&format!("{norm}.running_var"), &[output], variance);
        self.push(&format!("{norm}.num_batches_tracked"), &[], Recipe::Count);
    }

    fn text(&mut self, shape: &Shape) {
        let hidden = shape.hidden;
        let embeddings = "text_model.embeddings";
        for (table, rows, half_width) in [
            ("word_embeddings", shape.vocabulary, 1.0),
            ("position_embeddings", shape.positions, 0.25),
            ("token_type_embeddings", shape.token_types, 0.25),
        ] {
            self.uniform(&format!("{embeddings}.{table}.weight"), &[rows, hidden], 0.0, half_width);
        }
        self.layer_norm(embeddings, hidden);
        for layer in 0..shape.layers {
            let layer = format!("text_model.encoder.layer.{layer}");
            // Queries and keys are so large that attention prefers some tokens to others.
            for (name, gain) in [("query", 3.0), ("key", 3.0), ("value", 2.0)] {
                self.dense(&format!("{layer}.attention.self.{name}"), hidden, hidden, gain);
            }
            self.dense(&format!("{layer}.attention.output.dense"), hidden, hidden, 2.0);
            self.layer_norm(&format!("{layer}.attention.output"), hidden);
            self.dense(&format!("{layer}.intermediate.dense"), shape.intermediate, hidden, 1.0);
            self.dense(&format!("{layer}.output.dense"), hidden, shape.intermediate, 1.0);
            self.layer_norm(&format!("{layer}.output"), hidden);
        }
        self.dense("text_model.pooler.dense", hidden, hidden, 1.0);
    }

    fn dense(&mut self, name: &str, output: usize, input: usize, gain: f64) {
        self.weight(&format!("{name}.weight"), &[output, input], gain);
        self.uniform(&format!("{name}.bias"), &[output], 0.0, 0.125);
    }

    fn layer_norm(&mut self, parent: &str, hidden: usize) {
        self.uniform(&format!("{parent}.LayerNorm.weight"), &[hidden], 1.0, 0.25);
        self.uniform(&format!("{parent}.LayerNorm.bias"), &[hidden], 0.0, 0.125);
    }

    fn weight(&mut self, name: &str, shape: &[usize], gain: f64) {
        self.push(name, shape, Recipe::Weight { gain });
    }

    fn uniform(&mut self, name: &str, shape: &[usize], centre: f32, half_width: f32) {
        self.push(name, shape, Recipe::Uniform { centre, half_width });
    }

    fn push(&mut self, name: &str, shape: &[usize], recipe: Recipe) {
        self.tensors.push(SyntheticTensor { name: name.to_owned(), shape: shape.to_vec(), recipe });
    }
}
