//! One buffer for all intermediate arrays of a forward.

use crate::memory::aligned::{AlignedBuffer, Line};
use crate::number::{NumberFormat, NumbersMut};
use bytemuck::Pod;
use half::{bf16, f16};
use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::sync::{Mutex, TryLockError};

/// One buffer that holds all intermediate arrays of a forward.
///
/// It grows to the size of the largest forward so far and is kept between forwards. So a forward
/// of a size seen before allocates nothing.
#[derive(Debug, Default)]
pub struct Arena {
    buffer: AlignedBuffer<Line>,
}

impl Arena {
    /// An empty arena.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the arena for arrays of this total size.
    pub fn open(&mut self, size: ArenaSize) -> ArenaSpace<'_> {
        if self.buffer.len() < size.lines {
            self.buffer = AlignedBuffer::zeroed(size.lines);
        }
        ArenaSpace { free: &mut self.buffer }
    }
}

#[cfg(test)]
impl Arena {
    /// An arena of this size that is full of NaN, for tests that its content does not matter.
    pub(crate) fn full_of_nan(size: ArenaSize) -> Self {
        let mut buffer = AlignedBuffer::zeroed(size.lines);
        bytemuck::cast_slice_mut::<Line, f32>(&mut buffer).fill(f32::NAN);
        Self { buffer }
    }
}

/// The memory that arrays take in an arena. Each array starts on a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArenaSize {
    lines: usize,
}

impl ArenaSize {
    /// The size of an array of `len` elements.
    ///
    /// # Panics
    /// If the array does not fit in memory.
    pub fn for_array<T>(len: usize) -> Self {
        Self { lines: Line::count::<T>(len) }
    }

    /// The size of an array of `len` numbers in this format.
    ///
    /// # Panics
    /// As [`for_array`](Self::for_array).
    pub fn for_numbers(format: NumberFormat, len: usize) -> Self {
        match format {
            NumberFormat::F32 => Self::for_array::<f32>(len),
            NumberFormat::F16 => Self::for_array::<f16>(len),
            NumberFormat::Bf16 => Self::for_array::<bf16>(len),
            NumberFormat::I8 => Self::for_array::<i8>(len),
        }
    }
}

impl Add for ArenaSize {
    type Output = Self;

    /// The size of two sets of arrays together.
    ///
    /// # Panics
    /// If they do not fit in memory.
    fn add(self, other: Self) -> Self {
        let lines = self.lines.checked_add(other.lines).expect("arrays that fit in memory");
        Self { lines }
    }
}

impl Sum for ArenaSize {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Add::add)
    }
}

/// The free part of an opened arena.
pub struct ArenaSpace<'a> {
    free: &'a mut [Line],
}

impl<'a> ArenaSpace<'a> {
    /// Takes an array of `len` elements, which starts on a cache line. Its content is unspecified.
    ///
    /// # Panics
    /// If more is taken than the arena was opened for.
    pub fn take<T: Pod>(&mut self, len: usize) -> &'a mut [T] {
        let ArenaSize { lines } = ArenaSize::for_array::<T>(len);
        assert!(lines <= self.free.len(), "the arena was opened for a smaller size");
        let (taken, free) = std::mem::take(&mut self.free).split_at_mut(lines);
        self.free = free;
        &mut bytemuck::cast_slice_mut(taken)[..len]
    }

    /// Takes an array of `len` numbers in this format.
    ///
    /// # Panics
    /// As [`take`](Self::take).
    pub fn take_numbers(&mut self, format: NumberFormat, len: usize) -> NumbersMut<'a> {
        match format {
            NumberFormat::F32 => NumbersMut::F32(self.take(len)),
            NumberFormat::F16 => NumbersMut::F16(self.take(len)),
            NumberFormat::Bf16 => NumbersMut::Bf16(self.take(len)),
            NumberFormat::I8 => NumbersMut::I8(self.take(len)),
        }
    }

    /// The same space for a shorter time. Arrays that are taken from it are free again afterwards.
    pub fn reborrow(&mut self) -> ArenaSpace<'_> {
        ArenaSpace { free: self.free }
    }
}

impl fmt::Debug for ArenaSpace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArenaSpace({} bytes free)", size_of_val(self.free))
    }
}

/// An arena that a tower keeps from one forward to the next.
#[derive(Debug, Default)]
pub struct KeptArena {
    arena: Mutex<Arena>,
}

impl KeptArena {
    /// Runs a forward with the kept arena. If another forward has it, this one gets a new arena.
    pub fn with<R>(&self, forward: impl FnOnce(&mut Arena) -> R) -> R {
        match self.arena.try_lock() {
            Ok(mut kept) => forward(&mut kept),
            // A forward relies on no content of its arena, so a panic leaves nothing wrong in it.
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
        let sizes = [5, 17].map(ArenaSize::for_array::<f32>);
        let mut space = arena.open(sizes.into_iter().sum());
        let (a, b) = (space.take::<f32>(5), space.take::<f32>(17));
        a.fill(1.0);
        b.fill(2.0);
        assert_eq!(a, [1.0; 5]);
        assert_eq!(b.as_ptr() as usize % 64, 0);
        let first = a.as_ptr();
        let again = arena.open(ArenaSize::for_array::<f32>(16)).take::<f32>(16).as_ptr();
        assert_eq!(again, first);
    }

    #[test]
    fn arrays_have_the_type_of_their_format() {
        let size = |format| ArenaSize::for_numbers(format, 33);
        assert_eq!([NumberFormat::F32, NumberFormat::Bf16].map(|f| size(f).lines), [3, 2]);
        let mut arena = Arena::new();
        let mut space = arena.open(size(NumberFormat::F32) + size(NumberFormat::Bf16));
        let (values, rounded) =
            (space.take_numbers(NumberFormat::F32, 33), space.take_numbers(NumberFormat::Bf16, 33));
        assert!(matches!(values, NumbersMut::F32(values) if values.len() == 33));
        assert!(matches!(rounded, NumbersMut::Bf16(values) if values.len() == 33));
    }

    #[test]
    fn a_reborrowed_space_is_free_again() {
        let mut arena = Arena::new();
        let mut space = arena.open(ArenaSize::for_array::<u16>(32));
        let first = space.reborrow().take::<u16>(32).as_ptr();
        assert_eq!(space.take::<u16>(32).as_ptr(), first);
    }

    #[test]
    #[should_panic(expected = "opened for a smaller size")]
    fn no_more_is_taken_than_there_is() {
        Arena::new().open(ArenaSize::for_array::<f32>(16)).take::<f32>(17);
    }

    #[test]
    fn forwards_at_the_same_time_have_arenas_of_their_own() {
        let kept = KeptArena::default();
        let size = ArenaSize::for_array::<f32>(64);
        let address = |arena: &mut Arena| arena.open(size).take::<f32>(64).as_ptr() as usize;
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
