//! Rounding of weights to 8-bit integers.

/// The largest magnitude of an integer weight.
const LARGEST_INTEGER: f32 = 127.0;

/// Rounds `row / scale` to integers of -127 to 127 and returns the scale, with which the largest
/// magnitude becomes 127. If the row holds NaN or infinity, the scale is NaN, so that the damage
/// stays visible.
pub(crate) fn quantize(row: &[f32], to: &mut [i8]) -> f32 {
    if row.iter().any(|x| !x.is_finite()) {
        to.fill(1);
        return f32::NAN;
    }
    let largest = row.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    let scale = largest / LARGEST_INTEGER;
    if scale == 0.0 {
        to.fill(0);
        return 0.0;
    }
    for (to, x) in to.iter_mut().zip(row) {
        let nearest = (x / scale).round_ties_even();
        *to = nearest.clamp(-LARGEST_INTEGER, LARGEST_INTEGER) as i8;
    }
    scale
}
