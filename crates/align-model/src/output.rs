//! What goes into a forward of the whole model and what comes out.

use align_bert::{TextInput, TextOutput};
use align_efficientnet::VisionOutput;
use ndarray::{Array2, ArrayView4};

/// Texts and images: n texts and N images, not necessarily as many.
#[derive(Clone, Debug)]
pub struct AlignInput<'a> {
    /// Token ids `[n, T]` with mask, types and positions.
    pub text: TextInput<'a>,
    /// Images `[N, C, H, W]`, as the processor makes them.
    pub pixel_values: ArrayView4<'a, f32>,
}

/// Embeddings of n texts and N images and their similarities, named as in transformers.
#[derive(Clone, Debug)]
pub struct AlignOutput {
    /// Contrastive loss, where asked for.
    pub loss: Option<f32>,
    /// Cosine over temperature of each image with each text: `[N, n]`.
    pub logits_per_image: Array2<f32>,
    /// The transpose: `[n, N]`.
    pub logits_per_text: Array2<f32>,
    /// Embeddings of the texts, of unit length: `[n, projection_dim]`.
    pub text_embeds: Array2<f32>,
    /// Embeddings of the images, of unit length: `[N, projection_dim]`.
    pub image_embeds: Array2<f32>,
    /// All that the text tower gives.
    pub text_model_output: TextOutput,
    /// All that the vision tower gives.
    pub vision_model_output: VisionOutput,
}
