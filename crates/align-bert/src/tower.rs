//! The tower: weights in, hidden states out.

use crate::config::AlignTextConfig;
use crate::embeddings::Embeddings;
use crate::input::TextInput;
use crate::layer::{Extent, Layer, LayerInput};
use crate::output::{TextError, TextOptions, TextOutput};
use crate::ragged::{Ragged, check};
use crate::state::State;
use align_tensor::{
    Activation, ArenaSize, CheckpointError, Forward, KeptArena, Linear, Profile, Runtime, Sequence,
    Weights,
};
use ndarray::{Array2, Array3, Array4, Axis};
use std::ops::Range;

/// The number of tokens, with padding, that go through the tower together. It is large enough for
/// efficient products, and bounds the memory of large batches.
const MAX_TOKENS: usize = 2048;

/// The BERT tower, with packed weights.
///
/// [`Profile::record`](align_tensor::Profile::record) records the steps of [`cls`](Self::cls).
#[derive(Debug)]
pub struct TextTower {
    config: AlignTextConfig,
    runtime: Runtime,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    pooler: Option<Linear>,
    arena: KeptArena,
}

/// The output of a layer.
struct LayerOutput<'a> {
    /// 0 for the embeddings, then the layers from 1 on.
    layer: usize,
    /// `[rows, hidden]`.
    hidden: &'a [f32],
    /// The attention weights, as in [`align_tensor::Attention`]; empty for the embeddings.
    attentions: &'a [f32],
}

impl TextTower {
    /// Loads the tower from `weights`, rooted at the text model (`embeddings`, `encoder`,
    /// `pooler`). The pooler may be absent.
    ///
    /// # Errors
    /// If a tensor is missing or does not have the shape or type that follows from the configuration.
    ///
    /// # Panics
    /// If the configuration is not valid: see [`AlignTextConfig::validate`].
    pub fn load(
        config: &AlignTextConfig,
        weights: &Weights<'_>,
        runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        let encoder = weights.sub("encoder").sub("layer");
        let hidden = config.hidden_size;
        let pooler = weights.sub("pooler").sub("dense");
        let load = |layer| Layer::load(config, &encoder.sub(layer), runtime);
        let layers = runtime.threads.gather(|team| team.map(config.num_hidden_layers, load));
        Ok(Self {
            config: config.clone(),
            runtime: runtime.clone(),
            embeddings: Embeddings::load(config, &weights.sub("embeddings"), runtime)?,
            layers: layers.into_iter().collect::<Result<_, _>>()?,
            pooler: pooler
                .contains("weight")
                .then(|| Linear::load(runtime.isa, runtime.precision(), &pooler, &[hidden, hidden]))
                .transpose()?,
            arena: KeptArena::default(),
        })
    }

    /// The tower's configuration.
    pub fn config(&self) -> &AlignTextConfig {
        &self.config
    }

    /// Runs the tower on a batch of texts.
    ///
    /// # Errors
    /// If an id, a shape or a length does not fit the configuration.
    pub fn forward(
        &self,
        input: &TextInput<'_>,
        options: TextOptions,
    ) -> Result<TextOutput, TextError> {
        check(&self.config, input)?;
        let (texts, len) = input.input_ids.dim();
        let hidden = self.config.hidden_size;
        let heads = self.config.num_attention_heads;
        let last = self.layers.len();
        let states = if options.hidden_states { last + 1 } else { 1 };
        let mut hidden_states = vec![Array3::<f32>::zeros((texts, len, hidden)); states];
        let mut attentions = match options.attentions {
            true => vec![Array4::<f32>::zeros((texts, heads, len, len)); last],
            false => Vec::new(),
        };
        let size = |ragged: &Ragged| self.arena_size(ragged, 0);
        self.gather(input, options.padding, size, |forward, ragged| {
            self.run_all(forward, ragged, options.attentions, |output| {
                if options.hidden_states || output.layer == last {
                    let slot = if options.hidden_states { output.layer } else { 0 };
                    scatter_rows(ragged, output.hidden, &mut hidden_states[slot]);
                }
                if options.attentions && output.layer > 0 {
                    let slot = &mut attentions[output.layer - 1];
                    scatter_attentions(ragged, heads, output.attentions, slot);
                }
            });
        });
        let last_hidden_state = hidden_states[states - 1].clone();
        let first = last_hidden_state.index_axis(Axis(1), 0).to_owned();
        Ok(TextOutput {
            pooler_output: self.pooler.as_ref().map(|pooler| {
                let mut pooled = Array2::zeros((texts, hidden));
                self.runtime.threads.gather(|team| {
                    pooler.run(team, slice(&first), Activation::Tanh, None, slice_mut(&mut pooled));
                });
                pooled
            }),
            last_hidden_state,
            hidden_states: options.hidden_states.then_some(hidden_states),
            attentions: options.attentions.then_some(attentions),
        })
    }

    /// The last hidden state of the first token of each text: `[texts, hidden_size]`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn cls(&self, input: &TextInput<'_>) -> Result<Array2<f32>, TextError> {
        check(&self.config, input)?;
        let hidden = self.config.hidden_size;
        let mut cls = Array2::zeros((input.input_ids.nrows(), hidden));
        let mut out = slice_mut(&mut cls);
        let size = |ragged: &Ragged| self.arena_size(ragged, ragged.first.len() * hidden);
        self.gather(input, false, size, |forward, ragged| {
            let (these, rest) = std::mem::take(&mut out).split_at_mut(ragged.first.len() * hidden);
            self.run_first_tokens(forward, ragged, these);
            out = rest;
        });
        Ok(cls)
    }

    /// Gathers the team once and calls `run` for some texts at a time, with arena space of the `size`
    /// that they need.
    fn gather(
        &self,
        input: &TextInput<'_>,
        padding: bool,
        size: impl Fn(&Ragged) -> ArenaSize,
        mut run: impl FnMut(Forward<'_>, &Ragged),
    ) {
        let profile = Profile::current();
        self.arena.with(|arena| {
            self.runtime.threads.gather(|team| {
                for texts in groups(input) {
                    let ragged = Ragged::new(input, texts, padding);
                    let space = arena.open(size(&ragged));
                    run(Forward::new(team, space, &profile), &ragged);
                }
            });
        });
    }

    /// The sizes of a layer whose queries are all rows.
    fn extent(ragged: &Ragged) -> Extent {
        let rows = ragged.tokens.len();
        Extent { rows, queries: rows, longest: ragged.longest() }
    }

    /// The arena space for the layers, their inputs and outputs, and `residual` values of the first
    /// tokens.
    fn arena_size(&self, ragged: &Ragged, residual: usize) -> ArenaSize {
        let format = self.runtime.precision().value_format();
        let state = State::arena_size(format, ragged.tokens.len() * self.config.hidden_size);
        let layer = self.layers.first().map(|layer| layer.arena_size(Self::extent(ragged)));
        state + state + ArenaSize::for_array::<f32>(residual) + layer.unwrap_or_default()
    }

    /// Runs every layer on all rows.
    fn run_all(
        &self,
        mut forward: Forward<'_>,
        ragged: &Ragged,
        attentions: bool,
        mut observe: impl FnMut(LayerOutput<'_>),
    ) {
        let state = ragged.tokens.len() * self.config.hidden_size;
        let heads = self.config.num_attention_heads;
        let weights = |s: &Sequence| heads * s.queries.len() * s.keys;
        let mut weights =
            vec![0.0; if attentions { ragged.sequences.iter().map(weights).sum() } else { 0 }];
        let format = self.runtime.precision().value_format();
        let mut x = State::take(&mut forward, format, state);
        let mut out = State::take(&mut forward, format, state);
        self.embeddings.run(forward.team(), &ragged.tokens, &mut x);
        observe(LayerOutput { layer: 0, hidden: x.values, attentions: &[] });
        for (index, layer) in self.layers.iter().enumerate() {
            let (rows, residual) = (x.inputs(), &*x.values);
            let input = LayerInput { sequences: &ragged.sequences, rows, residual };
            let weights_out = attentions.then_some(&mut weights[..]);
            layer.run(forward.layer("layer", index), input, weights_out, &mut out);
            observe(LayerOutput { layer: index + 1, hidden: out.values, attentions: &weights });
            std::mem::swap(&mut x, &mut out);
        }
    }

    /// Runs every layer. The last one runs for the first token of each text only, since the embedding
    /// needs no other state.
    fn run_first_tokens(&self, mut forward: Forward<'_>, ragged: &Ragged, cls: &mut [f32]) {
        let hidden = self.config.hidden_size;
        let state = ragged.tokens.len() * hidden;
        let format = self.runtime.precision().value_format();
        let mut x = State::take(&mut forward, format, state);
        let mut out = State::take(&mut forward, format, state);
        let residual = forward.take(cls.len());
        let step = forward.step("embeddings", 0);
        self.embeddings.run(forward.team(), &ragged.tokens, &mut x);
        step.finish();
        let Some((last, layers)) = self.layers.split_last() else {
            return gather_rows(x.values, &ragged.first, hidden, cls);
        };
        for (index, layer) in layers.iter().enumerate() {
            let (rows, residual) = (x.inputs(), &*x.values);
            let input = LayerInput { sequences: &ragged.sequences, rows, residual };
            layer.run(forward.layer("layer", index), input, None, &mut out);
            std::mem::swap(&mut x, &mut out);
        }
        gather_rows(x.values, &ragged.first, hidden, residual);
        let sequences = ragged.first_token_sequences();
        let input = LayerInput { sequences: &sequences, rows: x.inputs(), residual };
        // No product reads the output, so it is not rounded.
        let mut cls = State { values: cls, rounded: None };
        last.run(forward.layer("layer", layers.len()), input, None, &mut cls);
    }
}

/// Cuts a batch into groups of texts that go through the tower together.
fn groups(input: &TextInput<'_>) -> impl Iterator<Item = Range<usize>> {
    let (texts, len) = input.input_ids.dim();
    let group = (MAX_TOKENS / len.max(1)).max(1);
    (0..texts).step_by(group).map(move |first| first..texts.min(first + group))
}

/// Copies some rows of `from` to `to`, one after another.
fn gather_rows(from: &[f32], rows: &[usize], width: usize, to: &mut [f32]) {
    for (to, &row) in to.chunks_exact_mut(width).zip(rows) {
        to.copy_from_slice(&from[row * width..][..width]);
    }
}

/// Copies the rows of a ragged batch to the places of their tokens in `[texts, tokens, hidden]`.
fn scatter_rows(ragged: &Ragged, rows: &[f32], to: &mut Array3<f32>) {
    let width = to.dim().2;
    for (token, row) in ragged.tokens.iter().zip(rows.chunks_exact(width)) {
        let mut text = to.index_axis_mut(Axis(0), token.text);
        text.row_mut(token.place).iter_mut().zip(row).for_each(|(to, &from)| *to = from);
    }
}

/// Copies the attention weights of a ragged batch to the places of their tokens in `[texts, heads,
/// tokens, tokens]`. Masked places stay zero.
fn scatter_attentions(ragged: &Ragged, heads: usize, weights: &[f32], to: &mut Array4<f32>) {
    let mut weights = weights.iter();
    for sequence in &ragged.sequences {
        let tokens = &ragged.tokens[sequence.rows.clone()];
        for head in 0..heads {
            for query in &tokens[sequence.queries.clone()] {
                for (key, &weight) in tokens[..sequence.keys].iter().zip(weights.by_ref()) {
                    to[[query.text, head, query.place, key.place]] = weight;
                }
            }
        }
    }
}

fn slice(array: &Array2<f32>) -> &[f32] {
    array.as_slice().expect("an array in standard layout")
}

fn slice_mut(array: &mut Array2<f32>) -> &mut [f32] {
    array.as_slice_mut().expect("an array in standard layout")
}
