//! Classification by k nearest neighbours.

use super::check;
use super::error::MetricsError;
use super::rank::order;
use super::scores::map_scores;
use align_tensor::Runtime;
use ndarray::{ArrayView1, ArrayView2};
use std::collections::BTreeMap;

/// Predicts a class for each row of `test [M, k]` from its `neighbors` nearest rows of
/// `train [N, k]`. The nearest rows have the highest inner products, which are cosines for rows of
/// unit length.
///
/// Each neighbour has one vote for its label, and the class with the most votes wins. Of equal
/// numbers of votes, the greater sum of similarities wins, then the lower class. Of equally near
/// rows, the lower index counts as nearer.
///
/// # Errors
/// If there are no rows, sizes differ, `neighbors` is not in `1..=N`, or an embedding is not finite.
///
/// ```
/// use align_tensor::Runtime;
/// use align_eval::metrics::knn_predictions;
/// use ndarray::array;
///
/// let train = array![[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]];
/// let labels = array![7, 7, 3];
/// let test = array![[0.6, 0.8]];
/// let runtime = Runtime::new()?;
/// assert_eq!(knn_predictions(&runtime, train.view(), labels.view(), test.view(), 3)?, [7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn knn_predictions(
    runtime: &Runtime,
    train: ArrayView2<'_, f32>,
    labels: ArrayView1<'_, usize>,
    test: ArrayView2<'_, f32>,
    neighbors: usize,
) -> Result<Vec<usize>, MetricsError> {
    check::length("labels", labels, train.nrows())?;
    if neighbors == 0 || neighbors > train.nrows() {
        return Err(MetricsError::Neighbors { k: neighbors, train: train.nrows() });
    }
    map_scores(runtime, ("test", test), ("train", train), |_, scores| {
        vote(&nearest(scores, neighbors), labels)
    })
}

/// The `count` highest scores with their indices, the highest first.
fn nearest(scores: ArrayView1<'_, f32>, count: usize) -> Vec<(f32, usize)> {
    let mut candidates: Vec<_> = scores.iter().copied().zip(0..).collect();
    let by_order = |&a: &_, &b: &_| order(a, b);
    candidates.select_nth_unstable_by(count - 1, by_order);
    candidates.truncate(count);
    candidates.sort_unstable_by(by_order);
    candidates
}

/// The class with the most votes.
fn vote(neighbors: &[(f32, usize)], labels: ArrayView1<'_, usize>) -> usize {
    let mut classes: BTreeMap<usize, (usize, f64)> = BTreeMap::new();
    for &(similarity, row) in neighbors {
        let (votes, sum) = classes.entry(labels[row]).or_default();
        *votes += 1;
        *sum += f64::from(similarity);
    }
    // `max_by` returns the last of equal elements, which is the lowest class of a reversed map.
    let elected = classes.into_iter().rev().max_by(|(_, (votes, sum)), (_, (others, other))| {
        votes.cmp(others).then(sum.total_cmp(other))
    });
    elected.expect("there is a neighbour").0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{integers, runtimes};
    use ndarray::{Array1, array};

    fn predict(train: &[f32], labels: &[usize], neighbors: usize) -> usize {
        let train = ArrayView2::from_shape((train.len(), 1), train).unwrap();
        let test = array![[1.0_f32]];
        let runtime = &runtimes()[0];
        knn_predictions(runtime, train, labels.into(), test.view(), neighbors).unwrap()[0]
    }

    #[test]
    fn votes_before_similarities_before_classes_before_rows() {
        // Two votes for class 1 win against a nearer row of class 2.
        assert_eq!(predict(&[9.0, 1.0, 1.0, 0.0], &[2, 1, 1, 0], 3), 1);
        // With one vote each, the nearest row wins.
        assert_eq!(predict(&[1.0, 3.0, 2.0], &[0, 2, 1], 3), 2);
        // With two votes each, a sum of 6 wins against 5.
        assert_eq!(predict(&[4.0, 3.0, 3.0, 1.0], &[0, 1, 1, 0], 4), 1);
        // Votes and sums are equal, so the lower class wins.
        assert_eq!(predict(&[1.0, 1.0], &[5, 4], 2), 4);
        // Of equally near rows, the first one counts.
        assert_eq!(predict(&[1.0, 1.0], &[5, 4], 1), 5);
    }

    #[test]
    fn any_instruction_set_and_any_threads_elect_the_same() {
        let (train, test) = (integers(9, (60, 5)), integers(10, (30, 5)));
        let labels: Array1<usize> = (0..60).map(|row| row * 11 % 7).collect();
        let predict = |runtime| {
            let neighbors = 9;
            knn_predictions(runtime, train.view(), labels.view(), test.view(), neighbors).unwrap()
        };
        let runtimes = runtimes();
        let first = predict(&runtimes[0]);
        assert!(runtimes.iter().all(|runtime| predict(runtime) == first));
    }

    #[test]
    fn wrong_arrays_are_named() {
        let runtime = &runtimes()[0];
        let rows = integers(11, (3, 2));
        let predict = |labels: &[usize], neighbors| {
            knn_predictions(runtime, rows.view(), labels.into(), rows.view(), neighbors)
                .unwrap_err()
        };
        let expected = MetricsError::Length { what: "labels", expected: 3, found: 2 };
        assert_eq!(predict(&[0, 1], 1), expected);
        assert_eq!(predict(&[0, 1, 2], 0), MetricsError::Neighbors { k: 0, train: 3 });
        assert_eq!(predict(&[0, 1, 2], 4), MetricsError::Neighbors { k: 4, train: 3 });
    }
}
