//! The vision tower alone.

use crate::error::ModelError;
use crate::options::LoadOptions;
use align_efficientnet::{AlignVisionConfig, VisionOptions, VisionOutput, VisionTower};
use align_tensor::{Checkpoint, Runtime, TensorSource, Weights};
use ndarray::{Array2, ArrayView4};
use std::fmt;
use std::path::Path;

/// The vision tower of ALIGN alone.
///
/// It is loaded from the checkpoint of a whole model, of which it reads only its own part, or from
/// a checkpoint of the tower.
pub struct AlignVisionModel {
    tower: VisionTower,
}

impl AlignVisionModel {
    /// Loads from a checkpoint folder with the default [`LoadOptions`].
    ///
    /// # Errors
    /// If the configuration or a tensor is missing, damaged or of the wrong shape, or the
    /// instruction set in `ALIGN_ISA` is not available.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::from_pretrained_with(folder, &LoadOptions::new()?)
    }

    /// Loads from a checkpoint folder.
    ///
    /// # Errors
    /// As [`from_pretrained`](Self::from_pretrained).
    pub fn from_pretrained_with(
        folder: impl AsRef<Path>,
        options: &LoadOptions,
    ) -> Result<Self, ModelError> {
        let config = AlignVisionConfig::from_pretrained(&folder)?;
        let checkpoint = Checkpoint::open(&folder, options.read_mode)?;
        Self::from_source(&config, &checkpoint, &options.runtime)
    }

    /// Loads from any source of tensors, named with or without the prefix `vision_model.`.
    ///
    /// # Errors
    /// As [`from_pretrained`](Self::from_pretrained).
    pub fn from_source(
        config: &AlignVisionConfig,
        source: &dyn TensorSource,
        runtime: &Runtime,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        let runtime = &runtime.for_source(source)?;
        let weights = Weights::new(source);
        let joined = weights.sub("vision_model");
        let weights =
            if joined.contains("embeddings.convolution.weight") { joined } else { weights };
        Ok(Self { tower: VisionTower::load(config, &weights, runtime)? })
    }

    /// Runs the tower on images `[N, C, H, W]`.
    ///
    /// # Errors
    /// If the images do not have the configuration's number of channels, or are too small or too
    /// large for the tower.
    pub fn forward(
        &self,
        pixel_values: ArrayView4<'_, f32>,
        options: VisionOptions,
    ) -> Result<VisionOutput, ModelError> {
        Ok(self.tower.forward(pixel_values, options)?)
    }

    /// The pooled output alone: `[N, C]`, where `C` is the configuration's `embedding_size()`.
    ///
    /// It has the same bits as in [`forward`](Self::forward), without a copy of the last map.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn features(&self, pixel_values: ArrayView4<'_, f32>) -> Result<Array2<f32>, ModelError> {
        Ok(self.tower.features(pixel_values)?)
    }

    /// The configuration.
    pub fn config(&self) -> &AlignVisionConfig {
        self.tower.config()
    }
}

impl fmt::Debug for AlignVisionModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlignVisionModel").field("config", self.config()).finish_non_exhaustive()
    }
}
