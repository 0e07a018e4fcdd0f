//! The confusion matrix.

use super::check;
use super::error::MetricsError;
use ndarray::ArrayView1;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A sparse confusion matrix: how often each class was predicted for each label. Memory grows with
/// the number of pairs that occur, not with the square of the number of classes.
///
/// ```
/// use align_eval::metrics::Confusion;
/// use ndarray::array;
///
/// let labels = array![0, 0, 0, 1];
/// let predicted = array![0, 0, 1, 1];
/// let confusion = Confusion::new(labels.view(), predicted.view(), 2)?;
/// assert_eq!(confusion.accuracy(), 0.75);
/// assert_eq!(confusion.mean_per_class_recall(), (2.0 / 3.0 + 1.0) / 2.0);
/// assert_eq!(confusion.worst(1)[0].predicted, 1);
/// # Ok::<(), align_eval::metrics::MetricsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: BTreeMap<(usize, usize), usize>,
}

/// A pair of a class and a wrong prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confused {
    /// The label.
    pub class: usize,
    /// The prediction.
    pub predicted: usize,
    /// The number of times that this pair occurs.
    pub count: usize,
}

impl Confusion {
    /// Counts pairs of a label and a prediction, both below `classes`.
    ///
    /// # Errors
    /// If the arrays are empty, their lengths differ, or a value is not below `classes`.
    pub fn new(
        labels: ArrayView1<'_, usize>,
        predicted: ArrayView1<'_, usize>,
        classes: usize,
    ) -> Result<Self, MetricsError> {
        if labels.is_empty() {
            return Err(MetricsError::Empty { what: "labels" });
        }
        check::length("predicted", predicted, labels.len())?;
        check::indices("labels", labels, classes)?;
        check::indices("predicted", predicted, classes)?;
        let mut counts = BTreeMap::new();
        for (&label, &predicted) in labels.iter().zip(predicted) {
            *counts.entry((label, predicted)).or_default() += 1;
        }
        Ok(Self { classes, counts })
    }

    /// The number of labels that are `class`, and the number of these that were predicted right.
    fn class_counts(&self, class: usize) -> (usize, usize) {
        let predictions = self.counts.range((class, 0)..=(class, usize::MAX));
        (predictions.map(|(_, count)| count).sum(), self.count(class, class))
    }

    /// How often `predicted` was predicted for the label `class`.
    pub fn count(&self, class: usize, predicted: usize) -> usize {
        self.counts.get(&(class, predicted)).copied().unwrap_or(0)
    }

    /// Top-1 accuracy: the share of predictions that are right.
    pub fn accuracy(&self) -> f64 {
        let right: usize = (0..self.classes).map(|class| self.count(class, class)).sum();
        right as f64 / self.counts.values().sum::<usize>() as f64
    }

    /// The mean of the recall of each class that occurs among the labels, also called balanced
    /// accuracy.
    pub fn mean_per_class_recall(&self) -> f64 {
        let classes = (0..self.classes).map(|class| self.class_counts(class));
        let recalls: Vec<_> = classes
            .filter(|&(all, _)| all > 0)
            .map(|(all, right)| right as f64 / all as f64)
            .collect();
        recalls.iter().sum::<f64>() / recalls.len() as f64
    }

    /// The `limit` most frequent mistakes. Equally frequent mistakes are sorted by class.
    pub fn worst(&self, limit: usize) -> Vec<Confused> {
        let mistakes = self.counts.iter().filter(|((class, predicted), _)| class != predicted);
        let mut confused: Vec<_> = mistakes
            .map(|(&(class, predicted), &count)| Confused { class, predicted, count })
            .collect();
        // The sort is stable, so equal counts keep the order of the map.
        confused.sort_by_key(|confused| Reverse(confused.count));
        confused.truncate(limit);
        confused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(labels: &[usize], predicted: &[usize]) -> Result<Confusion, MetricsError> {
        Confusion::new(labels.into(), predicted.into(), 4)
    }

    #[test]
    fn classes_that_do_not_occur_do_not_count() {
        let found = confusion(&[0, 0, 0, 0, 2, 2, 3], &[0, 1, 1, 3, 2, 0, 1]).unwrap();
        assert_eq!(found.accuracy(), 2.0 / 7.0);
        assert_eq!(found.mean_per_class_recall(), (0.25 + 0.5 + 0.0) / 3.0);
        assert_eq!((found.count(0, 1), found.count(1, 0)), (2, 0));
    }

    #[test]
    fn the_most_frequent_mistakes_come_first() {
        let found = confusion(&[3, 2, 0, 2, 1, 1, 2], &[0, 1, 1, 1, 1, 0, 0]).unwrap();
        let worst = |limit| {
            let worst = found.worst(limit).into_iter();
            worst.map(|c| (c.class, c.predicted, c.count)).collect::<Vec<_>>()
        };
        assert_eq!(worst(9), [(2, 1, 2), (0, 1, 1), (1, 0, 1), (2, 0, 1), (3, 0, 1)]);
        assert_eq!(worst(2), [(2, 1, 2), (0, 1, 1)]);
        assert!(confusion(&[1], &[1]).unwrap().worst(5).is_empty());
    }

    #[test]
    fn wrong_arrays_are_named() {
        let error =
            |labels: &[usize], predicted: &[usize]| confusion(labels, predicted).unwrap_err();
        assert_eq!(error(&[], &[]), MetricsError::Empty { what: "labels" });
        let what = "predicted";
        assert_eq!(error(&[1], &[]), MetricsError::Length { what, expected: 1, found: 0 });
        let expected = MetricsError::OutOfRange { what, row: 1, bound: 4, found: 4 };
        assert_eq!(error(&[1, 1], &[1, 4]), expected);
        let expected = MetricsError::OutOfRange { what: "labels", row: 0, bound: 4, found: 9 };
        assert_eq!(error(&[9], &[1]), expected);
    }
}
