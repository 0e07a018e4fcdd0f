//! The claims that tasks hold on shared memory, which debug builds check.

use crate::threads::disjoint::Rectangle;
use crate::threads::task::{TaskId, depth, running_at};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

/// What a task does with the elements that it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "reading",
            Self::Write => "writing",
        })
    }
}

/// What holds claims: claims of one owner never conflict.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    Task,
    Worker,
}

/// The claims on a slice.
#[derive(Debug)]
pub(super) struct Claims {
    len: usize,
    owner: Owner,
    /// The number of tasks within which the slice was shared. A claim belongs to the next task
    /// inwards, also if that has a team of its own whose tasks make the claim.
    depth: usize,
    current: Mutex<PhaseClaims>,
}

/// The claims of one phase.
#[derive(Debug, Default)]
struct PhaseClaims {
    phase: Option<usize>,
    /// By the first element and the order of claiming.
    claims: BTreeMap<(usize, usize), Claim>,
    /// The most elements from the first to the last of a claim.
    longest: usize,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    rectangle: Rectangle,
    access: Access,
    /// A number of a task or a worker.
    owner: usize,
    at: &'static Location<'static>,
}

impl Claims {
    /// No claims yet on a slice of `len` elements.
    pub(super) fn new(len: usize, owner: Owner) -> Self {
        Self { len, owner, depth: depth(), current: Mutex::default() }
    }

    /// Adds a claim of the running task.
    ///
    /// # Panics
    /// If the rectangle does not lie within the slice, or overlaps the claim of another owner in
    /// this phase and one of the two writes.
    #[track_caller]
    pub(super) fn add(&self, rectangle: Rectangle, access: Access) {
        let at = Location::caller();
        let Rectangle { rows, columns, pitch, .. } = rectangle;
        assert!(rows <= 1 || pitch >= columns, "{rectangle:?} claimed at {at} overlaps itself");
        let end = rectangle.end();
        assert!(end <= self.len, "{rectangle:?} claimed at {at} leaves a slice of {}", self.len);
        // Outside of phases there is one thread, and empty rectangles overlap nothing.
        let Some(TaskId { phase, task, worker }) = running_at(self.depth) else { return };
        if rows == 0 || columns == 0 {
            return;
        }
        let owner = match self.owner {
            Owner::Task => task,
            Owner::Worker => worker,
        };
        let claim = Claim { rectangle, access, owner, at };
        let conflict = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            if current.phase != Some(phase) {
                *current = PhaseClaims { phase: Some(phase), ..PhaseClaims::default() };
            }
            current.add(claim)
        };
        if let Some(other) = conflict {
            let name = match self.owner {
                Owner::Task => "task",
                Owner::Worker => "worker",
            };
            panic!(
                "two {name}s of one phase claim the same elements: {name} {claim}; {name} {other}"
            );
        }
    }
}

impl PhaseClaims {
    /// Adds a claim, or returns one that it conflicts with.
    fn add(&mut self, claim: Claim) -> Option<Claim> {
        let (start, end) = (claim.rectangle.start, claim.rectangle.end());
        // Whatever begins further in front ends before this.
        let first = (start + 1).saturating_sub(self.longest);
        let mut near = self.claims.range((first, 0)..(end, 0)).map(|(_, other)| other);
        let conflict = near.find(|other| other.conflicts_with(&claim)).copied();
        if conflict.is_none() {
            self.longest = self.longest.max(end - start);
            self.claims.insert((start, self.claims.len()), claim);
        }
        conflict
    }
}

impl Claim {
    fn conflicts_with(&self, other: &Self) -> bool {
        self.owner != other.owner
            && (self.access == Access::Write || other.access == Access::Write)
            && self.rectangle.overlaps(other.rectangle)
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rectangle, access, owner, at } = self;
        write!(f, "{owner} claims {rectangle:?} for {access} at {at}")
    }
}

impl Rectangle {
    /// One past the last element.
    fn end(self) -> usize {
        self.rows
            .checked_sub(1)
            .map_or(self.start, |last| self.start + last * self.pitch + self.columns)
    }

    /// Whether the two, which are not empty, have an element in common.
    fn overlaps(self, other: Self) -> bool {
        let (few, many) = if self.rows <= other.rows { (self, other) } else { (other, self) };
        if few.rows > 1 && few.pitch != many.pitch {
            return (0..few.rows).any(|row| few.row(row).overlaps(many));
        }
        // Row `i` of `few` and row `i + shift` of `many` overlap if
        // `-many.columns < distance + shift * pitch < few.columns`.
        let [pitch, few_rows, few_columns] =
            [many.pitch.max(1), few.rows, few.columns].map(|n| n as isize);
        let [many_rows, many_columns] = [many.rows, many.columns].map(|n| n as isize);
        let distance = many.start as isize - few.start as isize;
        let first = (-many_columns - distance).div_euclid(pitch) + 1;
        let shift = first.max(1 - few_rows);
        shift < many_rows && distance + shift * pitch < few_columns
    }

    fn row(self, row: usize) -> Self {
        Self { start: self.start + row * self.pitch, rows: 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn rectangle() -> impl Strategy<Value = Rectangle> {
        (0usize..40, 1usize..6, 1usize..8, 0usize..5).prop_map(|(start, rows, columns, gap)| {
            Rectangle { start, rows, columns, pitch: columns + gap }
        })
    }

    fn elements(rectangle: Rectangle) -> HashSet<usize> {
        let Rectangle { start, rows, columns, pitch } = rectangle;
        let element = |row, column| start + row * pitch + column;
        (0..rows).flat_map(|row| (0..columns).map(move |column| element(row, column))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn rectangles_overlap_if_they_have_an_element_in_common(
            one in rectangle(),
            two in rectangle(),
            same_pitch: bool,
        ) {
            let pitch = if same_pitch { one.pitch.max(two.columns) } else { two.pitch };
            let one = if same_pitch { Rectangle { pitch, ..one } } else { one };
            let two = Rectangle { pitch, ..two };
            let expected = !elements(one).is_disjoint(&elements(two));
            prop_assert_eq!(one.overlaps(two), expected);
            prop_assert_eq!(two.overlaps(one), expected);
            prop_assert_eq!(elements(one).into_iter().max(), Some(one.end() - 1));
        }

        /// The search among near claims finds what a search among all would.
        #[test]
        fn a_conflict_is_found_among_many_claims(claims in prop::collection::vec(rectangle(), 1..12)) {
            let mut held = PhaseClaims::default();
            let mut accepted: Vec<Rectangle> = Vec::new();
            for (owner, rectangle) in claims.into_iter().enumerate() {
                let at = Location::caller();
                let conflict = held.add(Claim { rectangle, access: Access::Write, owner, at });
                let expected = accepted.iter().any(|&other| other.overlaps(rectangle));
                prop_assert_eq!(conflict.is_some(), expected);
                if !expected {
                    accepted.push(rectangle);
                }
            }
        }
    }
}
