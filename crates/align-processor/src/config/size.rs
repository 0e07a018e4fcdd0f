//! The size that an image is resized to.

use crate::dimensions::{Dimensions, MAX_SIDE};
use crate::error::ProcessorError;

/// The size to resize to, in pixels. Sides are 1 to [`MAX_SIDE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Size {
    /// Exactly this height and width. The aspect ratio may change.
    Exact(Dimensions),
    /// The shorter side has this length. The aspect ratio is kept.
    ShortestEdge(usize),
    /// The shorter side has the length `shortest`, or less if the longer side would exceed
    /// `longest`. The aspect ratio is kept.
    Edges {
        /// Length of the shorter side.
        shortest: usize,
        /// Upper bound of the longer side.
        longest: usize,
    },
    /// The largest size that fits into this height and width. The aspect ratio is kept.
    Within(Dimensions),
}

impl Size {
    /// The size that an image of size `from` is resized to. Fractions are cut off.
    ///
    /// # Errors
    /// If a side would be zero or longer than [`MAX_SIDE`].
    pub(crate) fn target(self, from: Dimensions) -> Result<Dimensions, ProcessorError> {
        let to = match self {
            Self::Exact(size) => size,
            Self::ShortestEdge(shortest) => with_short_side(from, shortest, None),
            Self::Edges { shortest, longest } => within_edges(from, shortest, longest),
            Self::Within(bound) => {
                let (height, width) = (from.height as f64, from.width as f64);
                let scale = (bound.height as f64 / height).min(bound.width as f64 / width);
                Dimensions { height: (height * scale) as usize, width: (width * scale) as usize }
            }
        };
        let possible = 1..=MAX_SIDE;
        if possible.contains(&to.height) && possible.contains(&to.width) {
            Ok(to)
        } else {
            Err(ProcessorError::TargetSize { from, to })
        }
    }
}

/// Makes `short` the shorter side of `from` and keeps the aspect ratio.
///
/// The longer side is computed from `exact`, if `short` is the rounded value of it.
fn with_short_side(from: Dimensions, short: usize, exact: Option<f64>) -> Dimensions {
    let basis = exact.unwrap_or(short as f64);
    let long = |long: usize, short: usize| (basis * long as f64 / short as f64) as usize;
    if from.width <= from.height {
        Dimensions { height: long(from.height, from.width), width: short }
    } else {
        Dimensions { height: short, width: long(from.width, from.height) }
    }
}

/// The target size of [`Size::Edges`].
fn within_edges(from: Dimensions, shortest: usize, longest: usize) -> Dimensions {
    let low = from.height.min(from.width) as f64;
    let high = from.height.max(from.width) as f64;
    let (mut short, mut exact) = (shortest, None);
    if high / low * shortest as f64 > longest as f64 {
        let fitting = longest as f64 * low / high;
        short = fitting.round_ties_even() as usize;
        exact = Some(fitting);
    }
    if from.height.min(from.width) == short {
        return from;
    }
    with_short_side(from, short, exact)
}
