//! What arrays can have wrong.

/// Why a metric cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// There is nothing to measure.
    #[error("{what}: expected at least one row, found none")]
    Empty {
        /// The array.
        what: &'static str,
    },
    /// Two arrays belong together row by row.
    #[error("{what}: expected {expected}, one for each row, found {found}")]
    Length {
        /// The array.
        what: &'static str,
        /// Rows of the other.
        expected: usize,
        /// Its length.
        found: usize,
    },
    /// Embeddings that are compared must be of one width.
    #[error("{what}: expected rows of {expected} values, found {found}")]
    Width {
        /// The array.
        what: &'static str,
        /// The width of the other.
        expected: usize,
        /// Its width.
        found: usize,
    },
    /// A label or an index points at nothing.
    #[error("{what}: row {row}: expected an index below {bound}, found {found}")]
    OutOfRange {
        /// The array.
        what: &'static str,
        /// The row.
        row: usize,
        /// How many there are to point at.
        bound: usize,
        /// The index.
        found: usize,
    },
    /// NaN and infinity have no place in an order.
    #[error("{what}: row {row} is not finite")]
    NonFinite {
        /// The array, or what was computed from it.
        what: &'static str,
        /// The first such row.
        row: usize,
    },
    /// An image without a text cannot find any.
    #[error("image {image}: expected at least one text that belongs to it, found none")]
    NoText {
        /// The row of the image.
        image: usize,
    },
    /// There are not as many neighbours as are asked.
    #[error("k = {k}: expected 1 to {train}, the number of training rows")]
    Neighbors {
        /// The number asked for.
        k: usize,
        /// The number there is.
        train: usize,
    },
    /// A choice between fewer than two classes is none.
    #[error("expected at least two classes, found {found}")]
    Classes {
        /// The number of classes.
        found: usize,
    },
    /// Without an example, a class has no finite intercept.
    #[error("class {class}: expected at least one training row, found none")]
    EmptyClass {
        /// The class.
        class: usize,
    },
    /// An option is beyond what makes sense.
    #[error("`{option}`: expected a positive number, found {found}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        found: f64,
    },
    /// The optimum was not reached.
    #[error(
        "the linear probe did not converge: after {iterations} iterations its gradient has length \
         {gradient_norm:.2e}, expected at most {target:.2e}; allow more iterations, or make C smaller"
    )]
    NotConverged {
        /// The iterations made.
        iterations: usize,
        /// The length of the gradient.
        gradient_norm: f64,
        /// The length at which it counts as zero.
        target: f64,
    },
}
