//! Classification by scores.

use super::check;
use super::error::MetricsError;
use super::rank::{best, first_rank};
use super::retrieval::recall_at_k;
use ndarray::{ArrayView1, ArrayView2, NdFloat};

/// The class with the highest score in each row of `scores [N, classes]`. Of equal scores, the
/// lower class wins.
///
/// # Errors
/// If there are no scores, or a score is not finite.
pub fn predictions<T: NdFloat>(scores: ArrayView2<'_, T>) -> Result<Vec<usize>, MetricsError> {
    check::rows("scores", scores)?;
    check::finite("scores", scores)?;
    let predicted = |row| best(row).expect("there are classes");
    Ok(scores.rows().into_iter().map(predicted).collect())
}

/// For each row of `scores [N, classes]`, the number of classes that rank above its label. Of equal
/// scores, the lower class ranks first. [`recall_at_k`] of these ranks is top-k accuracy.
///
/// # Errors
/// If there are no scores, a score is not finite, or there is not one class as label for each row.
pub fn label_ranks<T: NdFloat>(
    scores: ArrayView2<'_, T>,
    labels: ArrayView1<'_, usize>,
) -> Result<Vec<usize>, MetricsError> {
    check::rows("scores", scores)?;
    check::finite("scores", scores)?;
    check::length("labels", labels, scores.nrows())?;
    check::indices("labels", labels, scores.ncols())?;
    let rank = |(row, &label)| first_rank(row, [label]).expect("the label is a class");
    Ok(scores.rows().into_iter().zip(labels).map(rank).collect())
}

/// The share of rows whose label is among the `k` classes with the highest scores. With `k` classes
/// or fewer it is 1.
///
/// # Errors
/// As [`label_ranks`].
///
/// ```
/// use align_eval::metrics::top_k_accuracy;
/// use ndarray::array;
///
/// let scores = array![[0.9, 0.1, 0.2], [0.4, 0.5, 0.1]]; // [images, classes]
/// let labels = array![0, 2];
/// assert_eq!(top_k_accuracy(scores.view(), labels.view(), 1)?, 0.5);
/// # Ok::<(), align_eval::metrics::MetricsError>(())
/// ```
pub fn top_k_accuracy<T: NdFloat>(
    scores: ArrayView2<'_, T>,
    labels: ArrayView1<'_, usize>,
    k: usize,
) -> Result<f64, MetricsError> {
    Ok(recall_at_k(&label_ranks(scores, labels)?, k))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn equal_scores_go_to_the_lower_class() {
        let scores = array![[0.5, 0.5, 0.1], [0.2, 0.7, 0.7], [1.0, 2.0, 3.0]];
        assert_eq!(predictions(scores.view()).unwrap(), [0, 1, 2]);
        let labels = array![1, 2, 0];
        assert_eq!(label_ranks(scores.view(), labels.view()).unwrap(), [1, 1, 2]);
        let accuracy = |k| top_k_accuracy(scores.view(), labels.view(), k).unwrap();
        assert_eq!([1, 2, 3, 4].map(accuracy), [0.0, 2.0 / 3.0, 1.0, 1.0]);
    }

    #[test]
    fn wrong_arrays_are_named() {
        let scores = array![[0.5, 0.5], [f64::NAN, 0.0]];
        let non_finite = MetricsError::NonFinite { what: "scores", row: 1 };
        assert_eq!(predictions(scores.view()).unwrap_err(), non_finite);
        assert_eq!(label_ranks(scores.view(), array![0, 0].view()).unwrap_err(), non_finite);
        let scores = Array2::<f32>::zeros((2, 2));
        let ranks = |labels: &[usize]| label_ranks(scores.view(), labels.into()).unwrap_err();
        let what = "labels";
        assert_eq!(ranks(&[0]), MetricsError::Length { what, expected: 2, found: 1 });
        let expected = MetricsError::OutOfRange { what, row: 0, bound: 2, found: 2 };
        assert_eq!(ranks(&[2, 0]), expected);
        let empty = MetricsError::Empty { what: "scores" };
        assert_eq!(predictions(Array2::<f32>::zeros((3, 0)).view()).unwrap_err(), empty);
    }
}
