//! Queries: weighted sums of embeddings.

use align_model::similarity::inner_product;
use ndarray::{Array1, ArrayView1};

/// Why a query is not valid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The dimension of an embedding is not that of the other terms, or of the index.
    #[error("expected an embedding of {expected} values, found {found}")]
    Dim {
        /// The dimension expected.
        expected: usize,
        /// The dimension found.
        found: usize,
    },
    /// An embedding of length zero or infinity has no direction.
    #[error("an embedding cannot be brought to unit length: its length is {length}")]
    Length {
        /// The length found.
        length: f64,
    },
    /// A weight is zero or not finite.
    #[error("expected a weight that is finite and not zero, found {weight}")]
    Weight {
        /// The weight found.
        weight: f64,
    },
    /// The query has no terms.
    #[error("a query needs at least one text or image")]
    Empty,
    /// The weighted terms add up to nothing.
    #[error("the terms of the query cancel each other out")]
    Cancelled,
}

/// A query: `normalize(sum over terms of weight * unit(term))`. A term with a negative weight makes
/// items like it less likely to be found.
///
/// ```
/// use align_search::Query;
/// use ndarray::array;
///
/// // An image + text query as in the paper: twice the text, once the image.
/// let (on_snow, dog) = (array![0.0, 3.0], array![2.0, 0.0]);
/// let query = Query::new().add_term(2.0, on_snow.view())?.add_term(1.0, dog.view())?;
/// let expected = array![1.0 / 5.0_f32.sqrt(), 2.0 / 5.0_f32.sqrt()];
/// assert!((query.vector()? - expected).iter().all(|x| x.abs() < 1e-7));
/// # Ok::<(), align_search::QueryError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The weighted sum of unit vectors. It is empty before the first term.
    sum: Array1<f64>,
    /// The sum of the sizes of the weights, which bounds the length of `sum`.
    weights: f64,
}

/// A sum shorter than this share of its bound is only the rounding of its terms. Terms are f32, with
/// errors below some hundred units in the last place.
const CANCELLED: f64 = 1e-5;

impl Query {
    /// A query without terms.
    pub fn new() -> Self {
        Self::default()
    }

    /// The query for one embedding.
    ///
    /// # Errors
    /// If the embedding has no direction.
    pub fn from_embedding(embedding: ArrayView1<'_, f32>) -> Result<Self, QueryError> {
        Self::new().add_term(1.0, embedding)
    }

    /// Adds a term: an embedding of any length, and its weight.
    ///
    /// # Errors
    /// If the weight is zero or not finite, the embedding has no direction, or its dimension is not
    /// that of the other terms.
    pub fn add_term(
        mut self,
        weight: f64,
        embedding: ArrayView1<'_, f32>,
    ) -> Result<Self, QueryError> {
        if !weight.is_finite() || weight == 0.0 {
            return Err(QueryError::Weight { weight });
        }
        let length = inner_product(embedding, embedding).sqrt();
        if !length.is_normal() {
            return Err(QueryError::Length { length });
        }
        if self.sum.is_empty() {
            self.sum = Array1::zeros(embedding.len());
        }
        let (expected, found) = (self.sum.len(), embedding.len());
        if expected != found {
            return Err(QueryError::Dim { expected, found });
        }
        self.sum.scaled_add(weight / length, &embedding.mapv(f64::from));
        self.weights += weight.abs();
        Ok(self)
    }

    /// The unit vector of the query.
    ///
    /// # Errors
    /// If there are no terms, or they cancel each other out.
    pub fn vector(&self) -> Result<Array1<f32>, QueryError> {
        if self.sum.is_empty() {
            return Err(QueryError::Empty);
        }
        let length = inner_product(self.sum.view(), self.sum.view()).sqrt();
        // NaN, which results from weights that overflow, fails this comparison too.
        if length > CANCELLED * self.weights && length.is_finite() {
            Ok(self.sum.mapv(|x| (x / length) as f32))
        } else {
            Err(QueryError::Cancelled)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn terms_count_by_weight_and_not_by_length() {
        let long = array![300.0, 400.0];
        let short = array![0.03, 0.04];
        assert_eq!(Query::from_embedding(long.view()).unwrap().vector().unwrap(), array![0.6, 0.8]);
        let both = Query::from_embedding(long.view()).unwrap().add_term(3.0, short.view()).unwrap();
        assert_eq!(both.vector().unwrap(), array![0.6, 0.8]);
        let away = Query::new().add_term(-2.0, long.view()).unwrap();
        assert_eq!(away.vector().unwrap(), array![-0.6, -0.8]);
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        let (x, y) = (array![1.0, 0.0], array![0.0, 0.0, 1.0]);
        let query = || Query::from_embedding(x.view()).unwrap();
        assert_eq!(Query::new().vector(), Err(QueryError::Empty));
        assert_eq!(query().add_term(-1.0, x.view()).unwrap().vector(), Err(QueryError::Cancelled));
        let turned = array![1.0, 1e-7];
        assert_eq!(
            query().add_term(-1.0, turned.view()).unwrap().vector(),
            Err(QueryError::Cancelled)
        );
        assert_eq!(query().add_term(1.0, y.view()), Err(QueryError::Dim { expected: 2, found: 3 }));
        for weight in [0.0, f64::INFINITY] {
            assert_eq!(query().add_term(weight, x.view()), Err(QueryError::Weight { weight }));
        }
        for bad in [array![0.0, 0.0], array![f32::NAN, 1.0], array![f32::INFINITY, 1.0]] {
            assert!(
                matches!(Query::from_embedding(bad.view()), Err(QueryError::Length { .. })),
                "{bad}"
            );
        }
        let huge =
            query().add_term(f64::MAX, x.view()).unwrap().add_term(f64::MAX, x.view()).unwrap();
        assert_eq!(huge.vector(), Err(QueryError::Cancelled));
    }
}
