//! Memory that several tasks write results to, each task its own elements.

use crate::cpu::Isa;
use crate::cpu::simd::{Op, Simd};
use crate::number::NumbersMut;
use crate::threads::{DisjointMut, Rectangle};
use half::bf16;

/// An output that several tasks write, each task its own part.
pub(crate) enum SharedOutput<'a> {
    F32(DisjointMut<'a, f32>),
    /// Rounded to bf16.
    Bf16(DisjointMut<'a, bf16>),
}

impl<'a> SharedOutput<'a> {
    /// # Panics
    /// If the format is neither `f32` nor bf16.
    pub(crate) fn new(values: NumbersMut<'a>) -> Self {
        match values {
            NumbersMut::F32(values) => Self::F32(DisjointMut::new(values)),
            NumbersMut::Bf16(values) => Self::Bf16(DisjointMut::new(values)),
            other => panic!("output in {:?}: expected F32 or Bf16", other.format()),
        }
    }

    /// Claims a rectangle for writing. The values keep their indices.
    ///
    /// # Safety
    /// As for [`DisjointMut::claim`].
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) unsafe fn claim(&self, rectangle: Rectangle) -> Destination {
        // SAFETY: the caller's duty.
        unsafe {
            match self {
                Self::F32(values) => Destination::F32(values.claim(rectangle)),
                Self::Bf16(values) => Destination::Bf16(values.claim(rectangle)),
            }
        }
    }
}

/// Values that one task writes.
#[derive(Clone, Copy)]
pub(crate) enum Destination {
    F32(*mut f32),
    /// Rounded to bf16.
    Bf16(*mut bf16),
}

impl Destination {
    /// Stores the first `n <= LANES` lanes as the values from index `at` on.
    ///
    /// # Safety
    /// The values must be among those that were claimed for writing.
    #[inline(always)]
    pub(crate) unsafe fn store<S: Simd>(self, s: S, at: usize, n: usize, v: S::V) {
        // SAFETY: the caller's duty covers `n` values from `at` on.
        unsafe {
            match self {
                Self::F32(p) if n == S::LANES => s.store(p.add(at), v),
                Self::F32(p) => s.store_first(p.add(at), n, v),
                Self::Bf16(p) => s.store_bf16_first(p.add(at), n, v),
            }
        }
    }

    /// Writes `rows [_, width]` to rows that begin `pitch` values apart. The first row starts at value `at`.
    ///
    /// # Safety
    /// As for [`store`](Self::store).
    pub(crate) unsafe fn write_rows(
        self,
        isa: Isa,
        at: usize,
        pitch: usize,
        rows: &[f32],
        width: usize,
    ) {
        isa.dispatch(WriteRows { to: self, at, pitch, rows, width });
    }
}

/// The arguments of [`Destination::write_rows`], whose caller has taken on its duties.
struct WriteRows<'a> {
    to: Destination,
    at: usize,
    pitch: usize,
    rows: &'a [f32],
    width: usize,
}

impl Op for WriteRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { to, at, pitch, rows, width } = self;
        for (row, values) in rows.chunks_exact(width).enumerate() {
            for (index, v) in values.chunks(S::LANES).enumerate() {
                // SAFETY: the duties of `Destination::write_rows`, the only place that makes this type.
                unsafe {
                    to.store(s, at + row * pitch + index * S::LANES, v.len(), s.load_tail(v));
                }
            }
        }
    }
}
