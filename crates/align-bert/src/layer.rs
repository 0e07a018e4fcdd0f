//! A transformer layer: attention and a two-layer perceptron, each followed by a residual and a
//! LayerNorm.

use crate::config::AlignTextConfig;
use crate::layer_norm::LayerNorm;
use crate::state::State;
use align_tensor::{
    Activation, ArenaSize, Attention, CheckpointError, Forward, Heads, Lhs, Linear, NumberFormat,
    Numbers, Output, Runtime, Sequence, Weights, attention, row_pitch,
};

/// One layer, with packed weights.
#[derive(Debug)]
pub(crate) struct Layer {
    runtime: Runtime,
    heads: Heads,
    query_key_value: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    activation: Activation,
    output: Linear,
    output_norm: LayerNorm,
    hidden: usize,
    intermediate_size: usize,
}

/// The input of a layer.
#[derive(Clone, Copy)]
pub(crate) struct LayerInput<'a> {
    /// The sequences of the batch, and their queries.
    pub(crate) sequences: &'a [Sequence],
    /// All rows, in the format that products read: `[rows, hidden]`.
    pub(crate) rows: Numbers<'a>,
    /// The query rows, in the order of the sequences: `[queries, hidden]`.
    pub(crate) residual: &'a [f32],
}

/// The sizes of a layer's input.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Rows of all sequences.
    pub(crate) rows: usize,
    /// Query rows, for which the layer has an output.
    pub(crate) queries: usize,
    /// Rows of the longest sequence.
    pub(crate) longest: usize,
}

impl Layer {
    /// Loads the layer from `weights`, rooted at it (`attention`, `intermediate`, `output`).
    pub(crate) fn load(
        config: &AlignTextConfig,
        weights: &Weights<'_>,
        runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        let (hidden, intermediate_size) = (config.hidden_size, config.intermediate_size);
        let precision = runtime.precision();
        let attention = weights.sub("attention");
        let own = attention.sub("self");
        let parts = ["query", "key", "value"].map(|name| own.sub(name));
        let query_key_value =
            Linear::load_side_by_side(runtime.isa, precision, &parts, &[hidden, hidden])?;
        let linear = |module: Weights<'_>, outputs, inputs| {
            Linear::load(runtime.isa, precision, &module, &[outputs, inputs])
        };
        let norm = |module: Weights<'_>| LayerNorm::load(config, &module.sub("LayerNorm"), runtime);
        let attention_output = attention.sub("output");
        let output = weights.sub("output");
        Ok(Self {
            runtime: runtime.clone(),
            heads: Heads {
                count: config.num_attention_heads,
                width: hidden / config.num_attention_heads,
            },
            query_key_value,
            attention_output: linear(attention_output.sub("dense"), hidden, hidden)?,
            attention_norm: norm(attention_output)?,
            intermediate: linear(
                weights.sub("intermediate").sub("dense"),
                intermediate_size,
                hidden,
            )?,
            activation: Activation::from_name(&config.hidden_act)
                .expect("a validated configuration"),
            output: linear(output.sub("dense"), hidden, intermediate_size)?,
            output_norm: norm(output)?,
            hidden,
            intermediate_size,
        })
    }

    /// The format of values that only the next product reads.
    fn format(&self) -> NumberFormat {
        self.runtime.precision().value_format()
    }

    /// The arena space that [`run`](Self::run) takes.
    pub(crate) fn arena_size(&self, extent: Extent) -> ArenaSize {
        let Extent { rows, queries, longest } = extent;
        let format = self.format();
        let pitch = row_pitch(format, self.intermediate_size);
        let workers = self.runtime.threads.count();
        ArenaSize::for_array::<f32>(rows * 3 * self.hidden)
            + ArenaSize::for_numbers(format, queries * self.hidden)
            + State::arena_size(format, queries * self.hidden)
            + ArenaSize::for_numbers(format, queries * pitch)
            + self.heads.arena_size(self.runtime.isa, workers, longest)
    }

    /// Runs the layer and writes its output `[queries, hidden]`. `attentions` is as in
    /// [`Attention`].
    pub(crate) fn run(
        &self,
        mut forward: Forward<'_>,
        input: LayerInput<'_>,
        attentions: Option<&mut [f32]>,
        output: &mut State<'_>,
    ) {
        let LayerInput { sequences, rows: x, residual } = input;
        let (isa, heads, format) = (self.runtime.isa, self.heads, self.format());
        let team = forward.team();
        let rows = x.len() / self.hidden;
        let queries = residual.len() / self.hidden;
        let pitch = row_pitch(format, self.intermediate_size);
        let qkv = forward.take(rows * 3 * self.hidden);
        let mut context = forward.take_numbers(format, queries * self.hidden);
        let mut attended = State::take(&mut forward, format, queries * self.hidden);
        let mut intermediate = forward.take_numbers(format, queries * pitch);

        let step = forward.step("query_key_value", self.query_key_value.flops(rows));
        self.query_key_value.run(team, x, Activation::Identity, None, &mut *qkv);
        step.finish();

        let step = forward.step("attention", heads.flops(sequences));
        let out = context.reborrow();
        attention(&mut forward, isa, Attention { heads, sequences, qkv, out, attentions });
        step.finish();

        let step = forward.step("attention_output", self.attention_output.flops(queries));
        let (x, out) = (context.as_numbers(), &mut *attended.values);
        self.attention_output.run(team, x, Activation::Identity, Some(residual), out);
        self.attention_norm.run(team, &mut attended);
        step.finish();

        let step = forward.step("intermediate", self.intermediate.flops(queries));
        let out = Output::from_pitched(intermediate.reborrow(), pitch);
        self.intermediate.run(team, attended.inputs(), self.activation, None, out);
        step.finish();

        let step = forward.step("output", self.output.flops(queries));
        let x = Lhs::from_pitched(intermediate.as_numbers(), pitch);
        let (residual, out) = (Some(&*attended.values), &mut *output.values);
        self.output.run(team, x, Activation::Identity, residual, out);
        self.output_norm.run(team, output);
        step.finish();
    }
}
