//! Inputs for the synthetic models, so that tests and timings need no stored images.

use crate::counter;

/// Cells of a test image along each side.
const CELLS: usize = 17;

/// Pixel values of test image `index` under `seed`: `[channels, side, side]`, row-major, in
/// [-1, 1).
///
/// A value is three quarters of a random cell plus one quarter of noise. There are 17 x 17 cells,
/// squares of `side / 17` pixels, rounded up. Cells come from the stream `image.cells.{index}`,
/// noise from `image.noise.{index}`.
///
/// ```
/// let pixels = align_synthetic::image(1, 0, 3, 33);
/// assert_eq!(pixels.len(), 3 * 33 * 33);
/// ```
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

/// Token ids of test caption `index` under `seed`: `len` ids in [1, `vocabulary`).
///
/// They come from the stream `caption.{index}`: each number made unsigned, modulo
/// `vocabulary - 1`, plus one.
///
/// ```
/// let ids = align_synthetic::caption(1, 0, 5, 4096);
/// assert!(ids.len() == 5 && ids.iter().all(|id| (1..4096).contains(id)));
/// ```
///
/// # Panics
/// If `vocabulary` is less than 2.
pub fn caption(seed: u64, index: usize, len: usize, vocabulary: i64) -> Vec<i64> {
    counter::integers(seed, &format!("caption.{index}"))
        .take(len)
        .map(|integer| 1 + (integer + (1 << 23)) % (vocabulary - 1))
        .collect()
}
