//! Inputs of the golden file of the published shape.

use ndarray::{Array1, Array2, Array4, Axis, Slice};

/// The seed of the weights.
pub const WEIGHTS_SEED: u64 = 0;
const INPUTS_SEED: u64 = 1;
const SIDE: usize = 289;
const VOCABULARY: i64 = 30522;
const TOKENS: usize = 64;
/// The numbers of tokens of the captions.
pub const CAPTIONS: [usize; 4] = [3, 9, 24, 64];

/// Two images, `[2, 3, 289, 289]`.
pub fn pixel_values() -> Array4<f32> {
    let images = (0..2).flat_map(|i| align_synthetic::image(INPUTS_SEED, i, 3, SIDE));
    Array4::from_shape_vec((2, 3, SIDE, SIDE), images.collect()).unwrap()
}

/// Token ids of the captions, padded with 0, and their mask: both `[4, 64]`.
pub fn captions() -> [Array2<i64>; 2] {
    let mut ids = Array2::zeros((CAPTIONS.len(), TOKENS));
    let mut mask = ids.clone();
    for (row, length) in CAPTIONS.into_iter().enumerate() {
        let caption = Array1::from(align_synthetic::caption(INPUTS_SEED, row, length, VOCABULARY));
        ids.row_mut(row).slice_axis_mut(Axis(0), Slice::from(..length)).assign(&caption);
        mask.row_mut(row).slice_axis_mut(Axis(0), Slice::from(..length)).fill(1);
    }
    [ids, mask]
}
