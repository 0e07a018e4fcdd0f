//! The order of candidates in all metrics: by score, the highest first, then by index.

use ndarray::{ArrayView1, NdFloat};
use std::cmp::Ordering;

/// The order of two candidates, each a score and an index. `Less` comes first.
///
/// Scores must be finite.
pub(super) fn order<T: NdFloat>(a: (T, usize), b: (T, usize)) -> Ordering {
    let by_score = b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal);
    by_score.then(a.1.cmp(&b.1))
}

/// The number of candidates that come before the first of the `right` ones, or `None` if there is
/// no right one.
pub(super) fn first_rank<T: NdFloat>(
    scores: ArrayView1<'_, T>,
    right: impl IntoIterator<Item = usize>,
) -> Option<usize> {
    let candidate = |index: usize| (scores[index], index);
    let first = right.into_iter().map(candidate).min_by(|&a, &b| order(a, b))?;
    Some((0..scores.len()).filter(|&other| order(candidate(other), first).is_lt()).count())
}

/// The candidate that comes first, or `None` if there is none.
pub(super) fn best<T: NdFloat>(scores: ArrayView1<'_, T>) -> Option<usize> {
    (0..scores.len()).min_by(|&a, &b| order((scores[a], a), (scores[b], b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};
    use proptest::prelude::*;

    #[test]
    fn of_equal_scores_the_lower_index_comes_first() {
        let scores = array![0.5, 0.9, 0.5, 0.9, 0.1];
        let rank = |right: &[usize]| first_rank(scores.view(), right.iter().copied());
        assert_eq!((0..5).map(|i| rank(&[i]).unwrap()).collect::<Vec<_>>(), [2, 0, 3, 1, 4]);
        assert_eq!((rank(&[4, 2, 0]), rank(&[])), (Some(2), None));
        assert_eq!(best(scores.view()), Some(1));
        assert_eq!(best(array![-0.0, 0.0].view()), Some(0));
        assert_eq!(best::<f32>(array![].view()), None);
    }

    proptest! {
        /// The scores are small integers, so that there are many ties.
        #[test]
        fn the_rank_is_the_place_after_a_stable_sort(
            scores in prop::collection::vec(-3i8..3, 1..40),
            right in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        ) {
            let right: Vec<_> = right.iter().map(|index| index.index(scores.len())).collect();
            let mut sorted: Vec<_> = (0..scores.len()).collect();
            sorted.sort_by_key(|&i| std::cmp::Reverse(scores[i]));
            let expected = sorted.iter().position(|i| right.contains(i));
            let floats: Array1<f32> = scores.iter().map(|&x| f32::from(x)).collect();
            prop_assert_eq!(first_rank(floats.view(), right), expected);
            prop_assert_eq!(best(floats.view()), Some(sorted[0]));
        }
    }
}
