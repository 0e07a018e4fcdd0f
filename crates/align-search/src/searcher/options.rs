//! Options of a search.

use std::num::NonZeroUsize;

/// Limits on the hits of a search. By default there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SearchOptions {
    /// The most hits of a query.
    pub top: Option<NonZeroUsize>,
    /// The lowest score of a hit.
    pub threshold: Option<f32>,
}

impl SearchOptions {
    /// Keeps the `top` best hits of each query.
    #[must_use]
    pub fn with_top(self, top: impl Into<Option<NonZeroUsize>>) -> Self {
        Self { top: top.into(), ..self }
    }

    /// Leaves out hits with a score below `threshold`.
    #[must_use]
    pub fn with_threshold(self, threshold: impl Into<Option<f32>>) -> Self {
        Self { threshold: threshold.into(), ..self }
    }
}
