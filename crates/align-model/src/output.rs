//! Inputs and outputs of a forward of the whole model.

use align_bert::{TextInput, TextOutput};
use align_efficientnet::VisionOutput;
use ndarray::{Array2, ArrayView4};

/// A batch of n texts and N images. The two numbers may differ.
#[derive(Clone, Debug)]
pub struct AlignInput<'a> {
    /// Token ids `[n, T]` with mask, types and positions.
    pub text: TextInput<'a>,
    /// Images `[N, C, H, W]`, as [`AlignProcessor::images`](crate::AlignProcessor::images) returns
    /// them.
    pub pixel_values: ArrayView4<'a, f32>,
}

/// Embeddings of n texts and N images and their similarities, with the names of transformers.
#[derive(Clone, Debug)]
pub struct AlignOutput {
    /// Contrastive loss, if it was requested.
    pub loss: Option<f32>,
    /// Logits of each image with each text, `[N, n]`: cosines divided by the temperature.
    pub logits_per_image: Array2<f32>,
    /// The transpose of `logits_per_image`: `[n, N]`.
    pub logits_per_text: Array2<f32>,
    /// Embeddings of the texts, of unit length: `[n, projection_dim]`.
    pub text_embeds: Array2<f32>,
    /// Embeddings of the images, of unit length: `[N, projection_dim]`.
    pub image_embeds: Array2<f32>,
    /// All outputs of the text tower.
    pub text_model_output: TextOutput,
    /// All outputs of the vision tower.
    pub vision_model_output: VisionOutput,
}
