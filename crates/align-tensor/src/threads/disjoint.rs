//! Memory that several tasks write at the same time, each its own part.
//!
//! A task claims the elements that it writes or reads. Two tasks of one phase must not claim the
//! same element, unless both only read it. Release builds trust the tasks. Debug builds keep each
//! claim until its phase ends, so an overlap is found even if the two tasks happened to run one
//! after the other.

#[cfg(debug_assertions)]
use crate::threads::claims::{Access, Claims, Owner};
use std::marker::PhantomData;
use std::ops::Range;

/// `rows` runs of `columns` elements each, which begin `pitch` elements apart.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(debug_assertions), expect(dead_code, reason = "only debug builds check claims"))]
pub(crate) struct Rectangle {
    /// The index of the first element.
    pub(crate) start: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) pitch: usize,
}

/// A slice of which tasks claim disjoint parts.
///
/// A claim has an owner: the task that makes it, or its worker in a slice made by
/// [`by_worker`](Self::by_worker). In a team within a task, the claims are that task's if the slice
/// was shared outside of it.
pub(crate) struct DisjointMut<'a, T> {
    data: *mut [T],
    borrowed: PhantomData<&'a mut [T]>,
    #[cfg(debug_assertions)]
    claims: Claims,
}

// SAFETY: sharing it shares the address and, in debug builds, claims, which are `Sync`. Elements are
// reached through the claiming functions only, which are unsafe and require that no element
// reaches two threads, or `T: Sync` and that both only read.
unsafe impl<T: Send> Sync for DisjointMut<'_, T> {}

impl<'a, T> DisjointMut<'a, T> {
    /// A slice whose claims are the tasks' own.
    pub(crate) fn new(data: &'a mut [T]) -> Self {
        Self {
            #[cfg(debug_assertions)]
            claims: Claims::new(data.len(), Owner::Task),
            data,
            borrowed: PhantomData,
        }
    }

    /// A slice whose claims are the workers' own: all tasks that one worker runs may claim the same
    /// elements.
    pub(crate) fn by_worker(data: &'a mut [T]) -> Self {
        Self {
            #[cfg(debug_assertions)]
            claims: Claims::new(data.len(), Owner::Worker),
            data,
            borrowed: PhantomData,
        }
    }

    /// Claims a rectangle for writing and returns the pointer to the slice's first element.
    ///
    /// The pointer is valid for reads and writes of the rectangle's elements, until the phase or `'a`
    /// ends.
    ///
    /// # Safety
    /// The rectangle must lie within the slice, and no other owner may claim one of its elements in
    /// this phase.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    #[cfg_attr(not(debug_assertions), expect(unused_variables, reason = "nothing is checked"))]
    pub(crate) unsafe fn claim(&self, rectangle: Rectangle) -> *mut T {
        #[cfg(debug_assertions)]
        self.claims.add(rectangle, Access::Write);
        self.data.cast()
    }

    /// Claims a rectangle for reading and returns the pointer to the slice's first element.
    ///
    /// The pointer is valid for reads of the rectangle's elements, until the phase or `'a` ends.
    ///
    /// # Safety
    /// The rectangle must lie within the slice, and no other owner may claim one of its elements for
    /// writing in this phase.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    #[cfg_attr(not(test), expect(dead_code, reason = "no task reads what others write, so far"))]
    #[cfg_attr(not(debug_assertions), expect(unused_variables, reason = "nothing is checked"))]
    pub(crate) unsafe fn claim_to_read(&self, rectangle: Rectangle) -> *const T
    where
        T: Sync,
    {
        #[cfg(debug_assertions)]
        self.claims.add(rectangle, Access::Read);
        self.data.cast()
    }

    /// Claims a range for writing.
    ///
    /// # Safety
    /// The range must lie within the slice, and no other owner may claim one of its elements in this
    /// phase. One owner must not use an element through two claims at a time.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) unsafe fn claim_slice(&self, range: Range<usize>) -> &'a mut [T] {
        let Range { start, end } = range;
        // SAFETY: the caller's duties; `'a` is a borrow of the whole slice.
        unsafe {
            let first = self.claim(Rectangle::from(range)).add(start);
            std::slice::from_raw_parts_mut(first, end - start)
        }
    }
}

impl From<Range<usize>> for Rectangle {
    fn from(range: Range<usize>) -> Self {
        let columns = range.len();
        Self { start: range.start, rows: 1, columns, pitch: columns }
    }
}
