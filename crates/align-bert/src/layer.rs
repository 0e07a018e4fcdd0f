//! A transformer layer: attention and a two-layer perceptron, each with a residual and a
//! LayerNorm behind it.

use crate::{AlignTextConfig, state::State};
use align_tensor::{
    Activation, ArenaSpace, CheckpointError, Heads, Lhs, Linear, Output, Profile, Runtime,
    Sequence, Team, ValueFormat, Values, Weights, attention, layer_norm, row_pitch,
};

/// The rows that a task normalises.
const NORM_ROWS: usize = 16;

/// LayerNorm over the last dimension.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    runtime: Runtime,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    eps: f32,
}

impl LayerNorm {
    pub(crate) fn load(
        config: &AlignTextConfig,
        weights: &Weights<'_>,
        runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            runtime: runtime.clone(),
            gamma: weights.tensor("weight", &[config.hidden_size])?.into_owned(),
            beta: weights.tensor("bias", &[config.hidden_size])?.into_owned(),
            eps: config.layer_norm_eps as f32,
        })
    }

    /// Normalises each row of `x`, in place.
    pub(crate) fn run(&self, team: &Team<'_>, x: &mut State<'_>) {
        let Self { gamma, beta, eps, .. } = self;
        let (isa, len) = (self.runtime.isa, NORM_ROWS * gamma.len());
        let values = &mut *x.values;
        match x.rounded.as_deref_mut() {
            None => {
                team.run_chunks(values, len, |_, rows| {
                    layer_norm(isa, rows, None, gamma, beta, *eps)
                });
            }
            Some(rounded) => {
                team.run_chunk_pairs((values, len), (rounded, len), |_, rows, rounded| {
                    layer_norm(isa, rows, Some(rounded), gamma, beta, *eps);
                });
            }
        }
    }
}

/// One layer, its weights packed.
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

/// The sizes of a call to [`Layer::forward`].
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Rows that come in.
    pub(crate) rows: usize,
    /// Rows that go out: those that ask.
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

    /// How values are kept that only the next product reads.
    fn format(&self) -> ValueFormat {
        self.runtime.precision().value_format()
    }

    /// The arena space that [`forward`](Self::forward) takes.
    pub(crate) fn arena_sizes(&self, extent: Extent) -> [usize; 6] {
        let format = self.format();
        let [attended, attended_rounded] = State::arena_sizes(format, extent.queries * self.hidden);
        let scratch = self.heads.scratch_len(self.runtime.isa, extent.longest);
        [
            extent.rows * 3 * self.hidden,
            self.runtime.threads.count() * scratch,
            format.words(extent.queries * self.hidden),
            attended,
            attended_rounded,
            format.words(extent.queries * row_pitch(format, self.intermediate_size)),
        ]
    }

    /// Runs the layer on `x [rows, hidden]`. `residual [queries, hidden]` holds the rows of `x`
    /// that ask, in the order of the sequences, and so does `out`; `attentions` is as in
    /// [`attention`](align_tensor::attention()). Steps are recorded under `name`.
    #[expect(clippy::too_many_arguments, reason = "each is an array or a size of its own")]
    pub(crate) fn forward(
        &self,
        team: &Team<'_>,
        mut arena: ArenaSpace<'_>,
        extent: Extent,
        sequences: &[Sequence],
        x: Values<'_>,
        residual: &[f32],
        attentions: Option<&mut [f32]>,
        out: &mut State<'_>,
        (profile, name): (&mut Profile, &str),
    ) {
        let format = self.format();
        let [qkv, scratch, context, attended, rounded, intermediate] =
            self.arena_sizes(extent).map(|len| arena.take(len));
        let mut attended = State::new(format, [attended, rounded]);
        let pitch = row_pitch(format, self.intermediate_size);
        let [context_len, intermediate_len] =
            [self.hidden, pitch].map(|width| extent.queries * width);
        let isa = self.runtime.isa;
        let step = |part: &str| format!("{name}.{part}");
        profile.time(
            || step("query_key_value"),
            self.query_key_value.flops(extent.rows),
            || self.query_key_value.run(team, x, Activation::Identity, None, &mut *qkv),
        );
        profile.time(
            || step("attention"),
            self.heads.flops(sequences),
            || {
                let out = format.view_mut(context, context_len);
                attention(team, isa, self.heads, sequences, qkv, scratch, out, attentions);
            },
        );
        profile.time(
            || step("attention_output"),
            self.attention_output.flops(extent.queries),
            || {
                let (linear, x) = (&self.attention_output, format.view(context, context_len));
                let to = &mut *attended.values;
                linear.run(team, x, Activation::Identity, Some(residual), to);
                self.attention_norm.run(team, &mut attended);
            },
        );
        profile.time(
            || step("intermediate"),
            self.intermediate.flops(extent.queries),
            || {
                let out = format.view_mut(intermediate, intermediate_len);
                let out = Output::from_pitched(out, pitch);
                self.intermediate.run(team, attended.inputs(), self.activation, None, out);
            },
        );
        profile.time(
            || step("output"),
            self.output.flops(extent.queries),
            || {
                let x = format.view(intermediate, intermediate_len);
                let x = Lhs::from_pitched(x, pitch);
                let residual = Some(&*attended.values);
                self.output.run(team, x, Activation::Identity, residual, &mut *out.values);
                self.output_norm.run(team, out);
            },
        );
    }
}
