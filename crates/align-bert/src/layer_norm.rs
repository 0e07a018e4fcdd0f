//! LayerNorm with the parameters of a checkpoint.

use crate::config::AlignTextConfig;
use crate::state::State;
use align_tensor::{CheckpointError, Isa, Runtime, Team, Weights, layer_norm};

/// The rows that a task normalises.
const NORM_ROWS: usize = 16;

/// LayerNorm over the last dimension.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    isa: Isa,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    eps: f32,
}

impl LayerNorm {
    /// Loads `weight` and `bias` of a module.
    pub(crate) fn load(
        config: &AlignTextConfig,
        weights: &Weights<'_>,
        runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            isa: runtime.isa,
            gamma: weights.tensor("weight", &[config.hidden_size])?.into_owned(),
            beta: weights.tensor("bias", &[config.hidden_size])?.into_owned(),
            eps: config.layer_norm_eps as f32,
        })
    }

    /// Normalises each row of `x`, in place.
    pub(crate) fn run(&self, team: &Team<'_>, x: &mut State<'_>) {
        let Self { isa, gamma, beta, eps } = self;
        let len = NORM_ROWS * gamma.len();
        let values = &mut *x.values;
        match x.rounded.as_deref_mut() {
            None => {
                team.run_chunks(values, len, |_, rows| {
                    layer_norm(*isa, rows, None, gamma, beta, *eps)
                });
            }
            Some(rounded) => {
                team.run_chunk_pairs((values, len), (rounded, len), |_, rows, rounded| {
                    layer_norm(*isa, rows, Some(rounded), gamma, beta, *eps);
                });
            }
        }
    }
}
