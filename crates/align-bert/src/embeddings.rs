//! From token ids to vectors: the sum of three tables' rows, normalised.

use crate::{AlignTextConfig, layer::LayerNorm, ragged::Token};
use align_tensor::{CheckpointError, Runtime, Team, Weights};

/// The embedding tables.
#[derive(Debug)]
pub(crate) struct Embeddings {
    hidden: usize,
    words: Vec<f32>,
    positions: Vec<f32>,
    segments: Vec<f32>,
    norm: LayerNorm,
}

impl Embeddings {
    /// Loads the tables from `weights`, rooted at `embeddings`.
    pub(crate) fn load(
        config: &AlignTextConfig,
        weights: &Weights<'_>,
        runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        let hidden = config.hidden_size;
        let table = |name: &str, rows: usize| {
            let module = weights.sub(name);
            let table = module.tensor("weight", &[rows, hidden])?.into_owned();
            module.release("weight");
            Ok(table)
        };
        Ok(Self {
            hidden,
            words: table("word_embeddings", config.vocab_size)?,
            positions: table("position_embeddings", config.max_position_embeddings)?,
            segments: table("token_type_embeddings", config.type_vocab_size)?,
            norm: LayerNorm::load(config, &weights.sub("LayerNorm"), runtime)?,
        })
    }

    /// Writes `out [tokens, hidden]`.
    pub(crate) fn run(&self, team: &Team<'_>, tokens: &[Token], out: &mut [f32]) {
        let row = |table: &[f32], index: usize| -> std::ops::Range<usize> {
            debug_assert!(index < table.len() / self.hidden);
            index * self.hidden..(index + 1) * self.hidden
        };
        for (token, out) in tokens.iter().zip(out.chunks_exact_mut(self.hidden)) {
            let word = &self.words[row(&self.words, token.word)];
            let segment = &self.segments[row(&self.segments, token.segment)];
            let position = &self.positions[row(&self.positions, token.position)];
            // Word and segment first: the original's order of additions.
            for (out, ((&word, &segment), &position)) in
                out.iter_mut().zip(word.iter().zip(segment).zip(position))
            {
                *out = (word + segment) + position;
            }
        }
        self.norm.run(team, out);
    }
}
