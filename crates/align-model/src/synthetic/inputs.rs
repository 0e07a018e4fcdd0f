//! Inputs for the synthetic models, so that a test or a timing needs no stored image.

use super::counter;

/// Cells of a test image along each side.
const CELLS: usize = 17;

/// Test image `index` under `seed`, `[channels, side, side]` row-major, in [-1, 1): three quarters of 17 x 17 random
/// cells (squares of `side / 17` pixels, rounded up) and one quarter of noise per pixel.
///
/// Cells come from the stream `image.cells.{index}` and noise from `image.noise.{index}`.
pub fn image(seed: u64, index: usize, channels: usize, side: usize) -> Vec<f32> {
    let cell = side.div_ceil(CELLS);
    let cells: Vec<f32> = counter::signed_units(seed, &format!("image.cells.{index}"))
        .take(channels * CELLS * CELLS)
        .collect();
    let noise = counter::signed_units(seed, &format!("image.noise.{index}"));
    let positions = (0..channels)
        .flat_map(|channel| (0..side).flat_map(move |y| (0..side).map(move |x| (channel, y, x))));
    positions
        .zip(noise)
        .map(|((channel, y, x), noise)| {
            0.75 * cells[(channel * CELLS + y / cell) * CELLS + x / cell] + 0.25 * noise
        })
        .collect()
}

/// The token ids of test caption `index` under `seed`: `len` ids of [1, `vocabulary`), from the stream
/// `caption.{index}` (each number made unsigned, modulo `vocabulary - 1`, plus one).
///
/// # Panics
///
/// If `vocabulary` is below 2.
pub fn caption(seed: u64, index: usize, len: usize, vocabulary: i64) -> Vec<i64> {
    counter::integers(seed, &format!("caption.{index}"))
        .take(len)
        .map(|integer| 1 + (integer + (1 << 23)) % (vocabulary - 1))
        .collect()
}
