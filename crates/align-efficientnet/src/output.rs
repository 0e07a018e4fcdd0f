//! Options, outputs and errors of a forward.

use ndarray::{Array2, Array4};

/// Additional outputs of [`VisionTower::forward`](crate::VisionTower::forward). The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VisionOptions {
    /// The outputs of the stem and of every block.
    pub hidden_states: bool,
}

impl VisionOptions {
    /// No additional outputs.
    #[must_use]
    pub const fn new() -> Self {
        Self { hidden_states: false }
    }

    /// Sets [`hidden_states`](Self::hidden_states).
    #[must_use]
    pub const fn with_hidden_states(self, hidden_states: bool) -> Self {
        Self { hidden_states, ..self }
    }
}

/// The outputs of the vision tower, with the names of the original.
#[derive(Clone, Debug)]
pub struct VisionOutput {
    /// The last block's output: `[images, channels, height, width]`.
    pub last_hidden_state: Array4<f32>,
    /// The last hidden state, pooled over height and width: `[images, channels]`. These are the image
    /// features, not normalised.
    pub pooler_output: Array2<f32>,
    /// If requested, the outputs of the stem and of each block: `[images, channels, height, width]`.
    pub hidden_states: Option<Vec<Array4<f32>>>,
}

/// The reason why pixel values cannot be embedded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VisionError {
    /// The images do not have the model's number of channels.
    #[error("pixel_values: expected {expected} channels, found {found}")]
    Channels {
        /// The model's `num_channels`.
        expected: usize,
        /// The second dimension of the pixel values.
        found: usize,
    },
    /// The images are so small that a convolution has no output.
    #[error("pixel_values: an image of {height} x {width} is too small for this model")]
    TooSmall {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
    },
    /// The images are so large that the last map does not fit the pooler.
    #[error(
        "pixel_values: an image of {height} x {width} has a last map of {map_height} x \
         {map_width}, and the pooler accepts at most {limit} x {limit} (hidden_dim)"
    )]
    TooLarge {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
        /// Rows of the last map.
        map_height: usize,
        /// Columns of the last map.
        map_width: usize,
        /// The model's `hidden_dim`.
        limit: usize,
    },
}
