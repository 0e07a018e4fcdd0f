//! Embeddings of tokens: the sum of rows of three tables, normalised.

use crate::config::AlignTextConfig;
use crate::layer_norm::LayerNorm;
use crate::ragged::Token;
use crate::state::State;
use align_tensor::{CheckpointError, EmbeddingTable, Runtime, Team, Weights};

/// The embedding tables.
#[derive(Debug)]
pub(crate) struct Embeddings {
    hidden: usize,
    words: EmbeddingTable,
    positions: EmbeddingTable,
    segments: EmbeddingTable,
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
            EmbeddingTable::load(runtime.precision(), &weights.sub(name), [rows, hidden])
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
            // This is the original's order of additions.
            self.words.copy_row(token.word, out);
            self.segments.add_row(token.segment, out);
            self.positions.add_row(token.position, out);
        }
        self.norm.run(team, out);
    }
}
