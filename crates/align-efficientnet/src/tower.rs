//! The tower: weights in, embeddings out.

use crate::{AlignVisionConfig, VisionError, VisionOptions, VisionOutput};
use align_tensor::{CheckpointError, Runtime, Weights};
use ndarray::{Array2, ArrayView4};

/// The EfficientNet tower, its weights folded and packed.
#[derive(Debug)]
pub struct VisionTower {
    config: AlignVisionConfig,
}

impl VisionTower {
    /// Loads the tower from `weights`, rooted at the vision model (`embeddings`, `encoder`).
    ///
    /// # Errors
    /// Where a tensor is missing or has another shape or type than the configuration says.
    pub fn load(
        config: &AlignVisionConfig,
        _weights: &Weights<'_>,
        _runtime: &Runtime,
    ) -> Result<Self, CheckpointError> {
        Ok(Self { config: config.clone() })
    }

    /// The configuration that it was loaded with.
    pub fn config(&self) -> &AlignVisionConfig {
        &self.config
    }

    /// Runs the tower on `pixel_values [images, channels, height, width]`.
    ///
    /// # Errors
    /// Where the images have another number of channels than the model, or are too small or too
    /// large for it.
    pub fn forward(
        &self,
        _pixel_values: ArrayView4<'_, f32>,
        _options: VisionOptions,
    ) -> Result<VisionOutput, VisionError> {
        todo!()
    }

    /// The pooled output alone: `[images, embedding_size]`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn features(&self, _pixel_values: ArrayView4<'_, f32>) -> Result<Array2<f32>, VisionError> {
        todo!()
    }
}
