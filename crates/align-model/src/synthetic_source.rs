//! Synthetic weights as a source of tensors.

use crate::synthetic::{SyntheticModel, SyntheticTensor, SyntheticValues};
use crate::{AlignConfig, AlignModel, ModelError};
use align_tensor::{CheckpointError, Runtime, TensorSource};
use std::borrow::Cow;
use std::collections::HashMap;

/// The tensors of a [`SyntheticModel`] under a seed, made when asked for.
struct SyntheticSource {
    tensors: HashMap<String, SyntheticTensor>,
    seed: u64,
}

impl AlignModel {
    /// A model of synthetic weights, which needs no files.
    ///
    /// # Errors
    /// None, unless the kind of model and its own weights disagree.
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
        match found.values(self.seed) {
            SyntheticValues::F32(values) => Ok(values.into()),
            SyntheticValues::I64(values) => Ok(values.into_iter().map(|x| x as f32).collect()),
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }
}
