//! What the tower is asked for, and what it answers.

use ndarray::{Array2, Array4};

/// What a forward returns beside the last hidden state and the pooled output.
#[derive(Clone, Copy, Debug, Default)]
pub struct VisionOptions {
    /// The stem's output and every block's.
    pub hidden_states: bool,
}

/// The outputs of the vision tower, under the original's names.
#[derive(Clone, Debug)]
pub struct VisionOutput {
    /// The last block's output: `[images, channels, height, width]`.
    pub last_hidden_state: Array4<f32>,
    /// The last hidden state pooled over height and width: `[images, channels]`. These are the
    /// image features, not normalised.
    pub pooler_output: Array2<f32>,
    /// Where asked for: the stem's output, then each block's, `[images, channels, height, width]`.
    pub hidden_states: Option<Vec<Array4<f32>>>,
}

/// Why pixel values cannot be embedded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VisionError {
    /// The images have another number of channels than the model.
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
        "pixel_values: an image of {height} x {width} gives a last map of {map_height} x \
         {map_width}, and the pooler takes at most {limit} x {limit} (hidden_dim)"
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
