//! A bounded list of the best hits.

use super::options::SearchOptions;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A row that matches a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The number of the row in its index.
    pub row: usize,
    /// Its inner product with the query.
    pub score: f32,
}

/// Hits in the order of quality. The greater hit has the higher score, or the same score and the
/// lower row.
#[derive(Clone, Copy, PartialEq)]
struct Ranked(Hit);

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_row = || other.0.row.cmp(&self.0.row);
        self.0.score.total_cmp(&other.0.score).then_with(by_row)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best hits so far, in a heap with the worst of them on top. They do not depend on the order of
/// the calls of [`push`](Self::push).
#[derive(Clone)]
pub(super) struct Top {
    limit: usize,
    threshold: f32,
    heap: BinaryHeap<Reverse<Ranked>>,
}

impl Top {
    pub(super) fn new(options: SearchOptions) -> Self {
        Self {
            limit: options.top.map_or(usize::MAX, |top| top.get()),
            threshold: options.threshold.unwrap_or(f32::NEG_INFINITY),
            heap: BinaryHeap::new(),
        }
    }

    /// The lowest score with which a further hit could be kept.
    pub(super) fn floor(&self) -> f32 {
        match self.heap.peek() {
            Some(Reverse(worst)) if self.heap.len() == self.limit => worst.0.score,
            _ => self.threshold,
        }
    }

    /// Keeps a hit if it is among the best. Returns the new floor.
    pub(super) fn push(&mut self, hit: Hit) -> f32 {
        if hit.score >= self.threshold {
            self.heap.push(Reverse(Ranked(hit)));
        }
        if self.heap.len() > self.limit {
            self.heap.pop();
        }
        self.floor()
    }

    /// The hits, best first.
    pub(super) fn into_hits(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(Ranked(hit))| hit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::num::NonZeroUsize;

    proptest! {
        #[test]
        fn the_best_are_kept_whatever_the_order(
            mut scores in proptest::collection::vec(-3i8..4, 0..60),
            limit in 1usize..20,
            threshold in proptest::option::of(-3i8..4),
        ) {
            let top = NonZeroUsize::new(limit);
            let options = SearchOptions { top, threshold: threshold.map(f32::from) };
            let hit = |(row, &score): (usize, &i8)| Hit { row, score: f32::from(score) };
            let mut expected: Vec<Hit> = scores.iter().enumerate().map(hit).collect();
            expected.retain(|hit| threshold.is_none_or(|t| hit.score >= f32::from(t)));
            // A stable sort keeps rows of equal score in order.
            expected.sort_by(|a, b| b.score.total_cmp(&a.score));
            expected.truncate(limit);

            let mut forward = Top::new(options);
            scores.iter().enumerate().map(hit).for_each(|hit| {
                let floor = forward.push(hit);
                assert_eq!(floor, forward.floor());
            });
            prop_assert_eq!(forward.into_hits(), expected.clone());

            scores.reverse();
            let mut backward = Top::new(options);
            let last = scores.len();
            for (i, &score) in scores.iter().enumerate() {
                backward.push(Hit { row: last - 1 - i, score: f32::from(score) });
            }
            prop_assert_eq!(backward.into_hits(), expected);
        }
    }

    #[test]
    fn the_floor_is_what_could_still_count() {
        let options = SearchOptions { top: NonZeroUsize::new(2), threshold: Some(0.1) };
        let mut top = Top::new(options);
        assert_eq!(top.floor(), 0.1);
        assert_eq!(top.push(Hit { row: 0, score: 0.05 }), 0.1);
        assert_eq!(top.push(Hit { row: 1, score: 0.5 }), 0.1);
        assert_eq!(top.push(Hit { row: 2, score: 0.4 }), 0.4);
        assert_eq!(top.push(Hit { row: 3, score: 0.6 }), 0.5);
    }
}
