//! The tower: weights in, hidden states out.

use crate::{
    AlignTextConfig, TextError, TextInput, TextOptions, TextOutput,
    embeddings::Embeddings,
    layer::{Extent, Layer},
    ragged::{Ragged, check},
    state::State,
};
use align_tensor::{
    Activation, Arena, CheckpointError, KeptArena, Linear, Profile, Runtime, Team, Weights,
};
use ndarray::{Array2, Array3, Array4, Axis};
use std::ops::Range;

/// The tokens, padding included, of the texts that go through the tower together: enough that the
/// products are large, few enough that memory does not grow with the batch.
const MAX_TOKENS: usize = 2048;

/// The BERT tower, its weights packed.
#[derive(Debug)]
pub struct TextTower {
    config: AlignTextConfig,
    runtime: Runtime,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    pooler: Option<Linear>,
    arena: KeptArena,
}

/// What a layer gives to whoever watches.
struct Step<'a> {
    /// 0 for the embeddings, then the layers from 1 on.
    layer: usize,
    ragged: &'a Ragged,
    /// `[rows, hidden]`.
    hidden: &'a [f32],
    /// As [`attention`](align_tensor::attention()) lays them out; empty for the embeddings.
    attentions: &'a [f32],
}

impl TextTower {
    /// Loads the tower from `weights`, rooted at the text model (`embeddings`, `encoder`,
    /// `pooler`). The pooler may be absent.
    ///
    /// # Errors
    /// Where a tensor is missing or has another shape or type than the configuration says.
    ///
    /// # Panics
    /// Where the configuration is not valid: see [`AlignTextConfig::validate`].
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

    /// The configuration that it was loaded with.
    pub fn config(&self) -> &AlignTextConfig {
        &self.config
    }

    /// Runs the tower on a batch of texts.
    ///
    /// # Errors
    /// Where an id, a shape or a length does not fit the configuration.
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
        self.gather(input, options.padding, |team, arena, ragged| {
            self.run_all(team, arena, ragged, options.attentions, |step| {
                if options.hidden_states || step.layer == last {
                    let slot = if options.hidden_states { step.layer } else { 0 };
                    scatter_rows(step.ragged, step.hidden, &mut hidden_states[slot]);
                }
                if options.attentions && step.layer > 0 {
                    let slot = &mut attentions[step.layer - 1];
                    scatter_attentions(step.ragged, heads, step.attentions, slot);
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
        self.cls_profiled(input, &mut Profile::off())
    }

    /// [`cls`](Self::cls), with every step recorded in `profile`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn cls_profiled(
        &self,
        input: &TextInput<'_>,
        profile: &mut Profile,
    ) -> Result<Array2<f32>, TextError> {
        check(&self.config, input)?;
        let hidden = self.config.hidden_size;
        let mut cls = Array2::zeros((input.input_ids.nrows(), hidden));
        let mut out = slice_mut(&mut cls);
        self.gather(input, false, |team, arena, ragged| {
            let (these, rest) = std::mem::take(&mut out).split_at_mut(ragged.first.len() * hidden);
            self.run_first_tokens(team, arena, ragged, these, profile);
            out = rest;
        });
        Ok(cls)
    }

    /// Gathers the team once and calls `run` for some texts after another.
    fn gather(
        &self,
        input: &TextInput<'_>,
        padding: bool,
        mut run: impl FnMut(&Team<'_>, &mut Arena, &Ragged),
    ) {
        self.arena.with(|arena| {
            self.runtime.threads.gather(|team| {
                for texts in groups(input) {
                    run(team, arena, &Ragged::new(input, texts, padding));
                }
            });
        });
    }

    /// Runs every layer on all rows.
    fn run_all(
        &self,
        team: &Team<'_>,
        arena: &mut Arena,
        ragged: &Ragged,
        attentions: bool,
        mut observe: impl FnMut(Step<'_>),
    ) {
        let rows = ragged.tokens.len();
        let extent = Extent { rows, queries: rows, longest: ragged.longest() };
        let state = rows * self.config.hidden_size;
        let heads = self.config.num_attention_heads;
        let weights = |s: &align_tensor::Sequence| heads * s.queries.len() * s.keys;
        let mut weights =
            vec![0.0; if attentions { ragged.sequences.iter().map(weights).sum() } else { 0 }];
        let layer_len = self.layers.first().map_or(0, |l| Arena::size_of(l.arena_sizes(extent)));
        let format = self.runtime.precision().value_format();
        let [values, rounded] = State::arena_sizes(format, state);
        let mut space = arena.open([values, rounded, values, rounded, layer_len]);
        let [mut x, mut out] = State::pair(&mut space, format, state);
        self.embeddings.run(team, &ragged.tokens, &mut x);
        observe(Step { layer: 0, ragged, hidden: x.values, attentions: &[] });
        for (index, layer) in self.layers.iter().enumerate() {
            let weights_out = attentions.then_some(&mut weights[..]);
            layer.forward(
                team,
                space.reborrow(),
                extent,
                &ragged.sequences,
                x.inputs(),
                x.values,
                weights_out,
                &mut out,
                (&mut Profile::off(), ""),
            );
            observe(Step { layer: index + 1, ragged, hidden: out.values, attentions: &weights });
            std::mem::swap(&mut x, &mut out);
        }
    }

    /// Runs every layer; the last one only for the first token of each text, whose state is all
    /// that an embedding needs.
    fn run_first_tokens(
        &self,
        team: &Team<'_>,
        arena: &mut Arena,
        ragged: &Ragged,
        cls: &mut [f32],
        profile: &mut Profile,
    ) {
        let rows = ragged.tokens.len();
        let hidden = self.config.hidden_size;
        let extent = Extent { rows, queries: rows, longest: ragged.longest() };
        let layer_len = self.layers.first().map_or(0, |l| Arena::size_of(l.arena_sizes(extent)));
        let format = self.runtime.precision().value_format();
        let [values, rounded] = State::arena_sizes(format, rows * hidden);
        let mut space = arena.open([values, rounded, values, rounded, cls.len(), layer_len]);
        let [mut x, mut out] = State::pair(&mut space, format, rows * hidden);
        let residual = space.take(cls.len());
        profile.time(
            || "embeddings".to_owned(),
            0,
            || self.embeddings.run(team, &ragged.tokens, &mut x),
        );
        let Some((last, layers)) = self.layers.split_last() else {
            return gather_rows(x.values, &ragged.first, hidden, cls);
        };
        for (index, layer) in layers.iter().enumerate() {
            let (sequences, space) = (&ragged.sequences, space.reborrow());
            let recorded = (&mut *profile, &*format!("layer.{index}"));
            let (inputs, residual) = (x.inputs(), &*x.values);
            layer.forward(
                team, space, extent, sequences, inputs, residual, None, &mut out, recorded,
            );
            std::mem::swap(&mut x, &mut out);
        }
        gather_rows(x.values, &ragged.first, hidden, residual);
        let extent = Extent { queries: ragged.first.len(), ..extent };
        let sequences = ragged.first_token_sequences();
        let recorded = (profile, &*format!("layer.{}", layers.len()));
        // No product reads them.
        let mut cls = State { values: cls, rounded: None };
        last.forward(
            team,
            space,
            extent,
            &sequences,
            x.inputs(),
            residual,
            None,
            &mut cls,
            recorded,
        );
    }
}

/// Cuts a batch into texts that go through the tower together.
fn groups(input: &TextInput<'_>) -> impl Iterator<Item = Range<usize>> {
    let (texts, len) = input.input_ids.dim();
    let group = (MAX_TOKENS / len.max(1)).max(1);
    (0..texts).step_by(group).map(move |first| first..texts.min(first + group))
}

/// Copies the `rows` of `from` that are named to `to`, one after another.
fn gather_rows(from: &[f32], rows: &[usize], width: usize, to: &mut [f32]) {
    for (to, &row) in to.chunks_exact_mut(width).zip(rows) {
        to.copy_from_slice(&from[row * width..][..width]);
    }
}

/// Puts the rows of a ragged batch where their tokens stand in `[texts, tokens, hidden]`.
fn scatter_rows(ragged: &Ragged, rows: &[f32], to: &mut Array3<f32>) {
    let width = to.dim().2;
    for (token, row) in ragged.tokens.iter().zip(rows.chunks_exact(width)) {
        let mut text = to.index_axis_mut(Axis(0), token.text);
        text.row_mut(token.place).iter_mut().zip(row).for_each(|(to, &from)| *to = from);
    }
}

/// Puts the attention weights of a ragged batch where their tokens stand in `[texts, heads,
/// tokens, tokens]`; what is masked keeps its zero.
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
