//! From token ids to vectors: the sum of three tables' rows, normalised.

use crate::{AlignTextConfig, layer::LayerNorm, ragged::Token, state::State};
use align_tensor::{CheckpointError, Runtime, Table, Team, Weights};

/// The embedding tables.
#[derive(Debug)]
pub(crate) struct Embeddings {
    hidden: usize,
    words: Table,
    positions: Table,
    segments: Table,
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
            Table::load(runtime.precision(), &weights.sub(name), [rows, hidden])
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
    pub(crate) fn run(&self, team: &Team<'_>, tokens: &[Token], out: &mut State<'_>) {
        for (token, out) in tokens.iter().zip(out.values.chunks_exact_mut(self.hidden)) {
            // Word and segment first: the original's order of additions.
            self.words.copy_row(token.word, out);
            self.segments.add_row(token.segment, out);
            self.positions.add_row(token.position, out);
        }
        self.norm.run(team, out);
    }
}
