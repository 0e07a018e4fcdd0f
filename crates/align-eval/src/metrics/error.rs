//! Errors of metrics.

/// Why a metric cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// An array has no rows, or its rows have no values.
    #[error("{what}: expected at least one row, found none")]
    Empty {
        /// The array.
        what: &'static str,
    },
    /// An array needs one entry for each row of another array.
    #[error("{what}: expected {expected}, one for each row, found {found}")]
    Length {
        /// The array.
        what: &'static str,
        /// The rows of the other array.
        expected: usize,
        /// The length of the array.
        found: usize,
    },
    /// Embeddings of different widths cannot be compared.
    #[error("{what}: expected rows of {expected} values, found {found}")]
    Width {
        /// The array.
        what: &'static str,
        /// The width of the other array.
        expected: usize,
        /// The width of the array.
        found: usize,
    },
    /// A label or an index is out of range.
    #[error("{what}: row {row}: expected an index below {bound}, found {found}")]
    OutOfRange {
        /// The array.
        what: &'static str,
        /// The row.
        row: usize,
        /// One past the largest index.
        bound: usize,
        /// The index.
        found: usize,
    },
    /// NaN and infinity cannot be ranked.
    #[error("{what}: row {row} is not finite")]
    NonFinite {
        /// The array, or the values computed from it.
        what: &'static str,
        /// The first such row.
        row: usize,
    },
    /// An image has no text that it could find.
    #[error("image {image}: expected at least one text that belongs to it, found none")]
    NoText {
        /// The row of the image.
        image: usize,
    },
    /// The number of neighbours is zero or larger than the number of training rows.
    #[error("k = {k}: expected 1 to {train}, the number of training rows")]
    Neighbors {
        /// The number requested.
        k: usize,
        /// The number of training rows.
        train: usize,
    },
    /// A classifier needs at least two classes.
    #[error("expected at least two classes, found {found}")]
    Classes {
        /// The number of classes.
        found: usize,
    },
    /// A class has no training row, so its intercept would be infinite.
    #[error("class {class}: expected at least one training row, found none")]
    EmptyClass {
        /// The class.
        class: usize,
    },
    /// An option is not a positive number.
    #[error("`{option}`: expected a positive number, found {found}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        found: f64,
    },
    /// The optimiser stopped before it reached the optimum.
    #[error(
        "the linear probe did not converge: after {iterations} iterations its gradient has length \
         {gradient_norm:.2e}, expected at most {target:.2e}; allow more iterations, or make C smaller"
    )]
    NotConverged {
        /// The number of iterations.
        iterations: usize,
        /// The length of the gradient at the end.
        gradient_norm: f64,
        /// The length at which the gradient counts as zero.
        target: f64,
    },
}
