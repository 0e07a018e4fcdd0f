//! One piece of memory for all the intermediate values of a forward.

use crate::memory::aligned::{AlignedBuffer, round_up_to_line};
use std::sync::{Mutex, TryLockError};

/// One buffer from which a forward takes all its intermediate arrays.
///
/// It grows to what the largest forward so far has needed and is kept between forwards, so a
/// forward of a size seen before allocates nothing.
#[derive(Debug, Default)]
pub struct Arena {
    buffer: AlignedBuffer<f32>,
}

impl Arena {
    /// An arena that holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The space that pieces of these sizes take together.
    pub fn size_of(sizes: impl IntoIterator<Item = usize>) -> usize {
        sizes.into_iter().map(round_up_to_line).sum()
    }

    /// Opens the arena for a forward that takes `sizes`, each rounded up to a cache line.
    pub fn open(&mut self, sizes: impl IntoIterator<Item = usize>) -> ArenaSpace<'_> {
        let total = Self::size_of(sizes);
        if self.buffer.len() < total {
            self.buffer = AlignedBuffer::zeroed(total);
        }
        ArenaSpace { free: &mut self.buffer }
    }
}

/// What is left of an arena in the current forward.
pub struct ArenaSpace<'a> {
    free: &'a mut [f32],
}

impl<'a> ArenaSpace<'a> {
    /// Takes `len` values that start on a cache line; their content is unspecified.
    ///
    /// # Panics
    /// Where more is taken than the arena was opened for.
    pub fn take(&mut self, len: usize) -> &'a mut [f32] {
        let (taken, free) = std::mem::take(&mut self.free).split_at_mut(round_up_to_line(len));
        self.free = free;
        &mut taken[..len]
    }

    /// What is left, for a step of the forward that gives it all back at its end.
    pub fn reborrow(&mut self) -> ArenaSpace<'_> {
        ArenaSpace { free: self.free }
    }
}

/// An arena that a tower keeps from one forward to the next.
#[derive(Debug, Default)]
pub struct KeptArena {
    arena: Mutex<Arena>,
}

impl KeptArena {
    /// Runs a forward with the kept arena, or with one of its own where another forward has it.
    pub fn with<R>(&self, forward: impl FnOnce(&mut Arena) -> R) -> R {
        match self.arena.try_lock() {
            Ok(mut kept) => forward(&mut kept),
            // A forward that panicked leaves nothing in an arena that the next one relies on.
            Err(TryLockError::Poisoned(kept)) => forward(&mut kept.into_inner()),
            Err(TryLockError::WouldBlock) => forward(&mut Arena::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_out_disjoint_aligned_pieces_and_keeps_its_memory() {
        let mut arena = Arena::new();
        let mut space = arena.open([5, 17]);
        let (a, b) = (space.take(5), space.take(17));
        a.fill(1.0);
        b.fill(2.0);
        assert_eq!(a, [1.0; 5]);
        assert_eq!(b.as_ptr() as usize % 64, 0);
        let first = a.as_ptr();
        assert_eq!(arena.open([16]).take(16).as_ptr(), first);
    }

    #[test]
    fn forwards_at_the_same_time_have_arenas_of_their_own() {
        let kept = KeptArena::default();
        let address = |arena: &mut Arena| arena.open([64]).take(64).as_ptr() as usize;
        let first = kept.with(address);
        kept.with(|arena| {
            assert_eq!(address(arena), first);
            assert_ne!(kept.with(address), first);
        });
        let panic = std::panic::AssertUnwindSafe(|| kept.with(|_| panic!("a forward fails")));
        assert!(std::panic::catch_unwind(panic).is_err());
        assert_eq!(kept.with(address), first);
    }
}
