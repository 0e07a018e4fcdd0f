//! Resizing of 8-bit images, bit for bit as Pillow's `Image.resize`.
//!
//! - `filter`: the filters;
//! - `taps`: windows and fixed-point weights along one axis;
//! - `convolve`: the horizontal and the vertical pass;
//! - `nearest`: the only filter that does not convolve.

mod convolve;
mod filter;
mod nearest;
mod taps;
#[cfg(test)]
mod tests;

pub use filter::Filter;

use crate::dimensions::Dimensions;

/// Resizes an interleaved 8-bit image of `C` channels: `[from.height, from.width, C]` to
/// `[to.height, to.width, C]`.
///
/// Both sizes must be positive. An axis whose length does not change is not filtered.
///
/// # Panics
/// If `src` does not hold `from.area() * C` bytes.
pub(crate) fn resize<const C: usize>(
    src: &[u8],
    from: Dimensions,
    to: Dimensions,
    filter: Filter,
) -> Vec<u8> {
    assert_eq!(src.len(), from.area() * C, "pixels must fill the image");
    if from == to {
        return src.to_vec();
    }
    match filter.kernel() {
        None => nearest::nearest::<C>(src, from, to),
        Some(kernel) => convolve::convolve::<C>(src, from, to, kernel),
    }
}
