//! Models of synthetic weights.

use crate::config::AlignConfig;
use crate::error::ModelError;
use crate::model::AlignModel;
use align_synthetic::{SyntheticModel, SyntheticTensor};
use align_tensor::{CheckpointError, Runtime, TensorSource};
use std::borrow::Cow;
use std::collections::HashMap;

/// The tensors of a [`SyntheticModel`] under a seed. Values are made on demand.
struct SyntheticSource {
    tensors: HashMap<String, SyntheticTensor>,
    seed: u64,
}

impl AlignModel {
    /// A model of synthetic weights, which needs no files.
    ///
    /// Equal seeds make equal models. See [`synthetic`](crate::synthetic).
    ///
    /// # Errors
    /// As [`AlignModel::from_source`]. Configuration and tensors are part of this crate and fit, so
    /// an error means a mistake in it or in `runtime`.
    pub fn synthetic(
        model: SyntheticModel,
        seed: u64,
        runtime: &Runtime,
    ) -> Result<Self, ModelError> {
        let config = AlignConfig::from_json(model.config_json())?;
        let tensors = model.tensors().into_iter().map(|tensor| (tensor.name.clone(), tensor));
        let source = SyntheticSource { tensors: tensors.collect(), seed };
        Self::from_source(config, &source, runtime)
    }
}

impl TensorSource for SyntheticSource {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [f32]>, CheckpointError> {
        let (file, tensor) = ("synthetic weights".into(), name.to_owned());
        let Some(found) = self.tensors.get(name) else {
            return Err(CheckpointError::MissingTensor { file, tensor });
        };
        if found.shape != shape {
            let (expected, found) = (shape.to_vec(), found.shape.clone());
            return Err(CheckpointError::WrongShape { file, tensor, expected, found });
        }
        Ok(found.values(self.seed).into())
    }

    fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }
}
