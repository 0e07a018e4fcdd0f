//! How one step along `k` multiplies.
//!
//! | product | a step adds to the sum of a row and a column |
//! |---|---|
//! | [`Fma`] | `a * b` |
//! | [`Widened<1>`](Widened) | `a.1 * b.1`, then `a.0 * b.0`: a pair of bf16 numbers, widened |
//! | [`Pairs<1>`](Pairs) | the same in one instruction of AVX512-BF16 |
//! | `Widened<2>`, `Pairs<2>` | for `bf16x3`: `low * high`, `high * low`, `high * high`, each a pair as above |
//!
//! A product of two bf16 numbers has 16 significant bits, so it is exact in `f32`, and a
//! multiply-add of it rounds once however it is made. So all instruction sets give the same bits,
//! with two exceptions, both below `2^-100`: AVX512-BF16 makes zero of a sum that is subnormal, and
//! the portable set rounds a product that is subnormal before it is added. (Operands have no
//! subnormals: [`bf16`](crate::number::bf16) has made them zero.)
//!
//! The small terms of `bf16x3` come first in a step. All go to one sum: they are at most `2^-8` of
//! a product, of which `f32` keeps 16 bits, and what the parts leave out is larger than what is
//! rounded away there.

use crate::cpu::simd::Simd;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512_bf16::Avx512Bf16;

/// A step: what it reads of the panel and of a row on the left, and what it adds.
///
/// Parts are read in loops: `std::array::from_fn` may stay a call, compiled without the wide instructions.
pub(crate) trait Product<S: Simd>: Copy {
    /// Vectors of the panel that a vector of columns takes in a step.
    const PARTS: usize;
    /// Registers that `Columns` takes.
    const COLUMN_REGISTERS: usize;
    /// Registers that `Left` takes.
    const LEFT_REGISTERS: usize;
    /// A vector of columns.
    type Columns: Copy;
    /// A step of a row on the left, for every column.
    type Left: Copy;

    /// Reads a vector of columns from `at`, its parts `pitch` values apart.
    ///
    /// # Safety
    /// `at.add(part * pitch)` must be valid for reads of a vector for each of `PARTS` parts.
    unsafe fn columns(self, s: S, at: *const f32, pitch: usize) -> Self::Columns;

    /// Reads step `step` of a row on the left, whose low parts are `low` values behind.
    ///
    /// # Safety
    /// The row must hold that step, in the form of [`Left`](super::Left), and its low parts where
    /// there are `PARTS`.
    unsafe fn left(self, s: S, row: *const f32, low: usize, step: usize) -> Self::Left;

    /// `sum` and the step's products.
    fn add(self, s: S, left: Self::Left, columns: Self::Columns, sum: S::V) -> S::V;
}

/// `f32` times `f32`.
#[derive(Clone, Copy)]
pub(crate) struct Fma;

impl<S: Simd> Product<S> for Fma {
    const PARTS: usize = 1;
    const COLUMN_REGISTERS: usize = 1;
    const LEFT_REGISTERS: usize = 1;
    type Columns = S::V;
    type Left = S::V;

    #[inline(always)]
    unsafe fn columns(self, s: S, at: *const f32, _: usize) -> S::V {
        // SAFETY: the caller gives a vector.
        unsafe { s.load(at) }
    }

    #[inline(always)]
    unsafe fn left(self, s: S, row: *const f32, _: usize, step: usize) -> S::V {
        // SAFETY: the caller's row has more than `step` values.
        s.splat(unsafe { *row.add(step) })
    }

    #[inline(always)]
    fn add(self, s: S, left: S::V, columns: S::V, sum: S::V) -> S::V {
        s.mul_add(left, columns, sum)
    }
}

/// Pairs of bf16 numbers, widened to `f32`: those of the panel in registers, those of the left
/// before.
#[derive(Clone, Copy)]
pub(crate) struct Widened<const PARTS: usize>;

impl<S: Simd, const PARTS: usize> Product<S> for Widened<PARTS> {
    const PARTS: usize = PARTS;
    const COLUMN_REGISTERS: usize = 2 * PARTS;
    const LEFT_REGISTERS: usize = 2 * PARTS;
    type Columns = [[S::V; 2]; PARTS];
    type Left = [[S::V; 2]; PARTS];

    #[inline(always)]
    unsafe fn columns(self, s: S, at: *const f32, pitch: usize) -> Self::Columns {
        let mut columns = [[s.zero(); 2]; PARTS];
        for (part, columns) in columns.iter_mut().enumerate() {
            // SAFETY: the caller gives a vector for each part.
            *columns = s.widen_pairs(unsafe { s.load(at.add(part * pitch)) });
        }
        columns
    }

    #[inline(always)]
    unsafe fn left(self, s: S, row: *const f32, low: usize, step: usize) -> Self::Left {
        let mut left = [[s.zero(); 2]; PARTS];
        for (part, left) in left.iter_mut().enumerate() {
            // SAFETY: the caller's row has both values of the step in each part.
            let pair = unsafe { row.add(part * low + 2 * step).cast::<[f32; 2]>().read() };
            *left = [s.splat(pair[0]), s.splat(pair[1])];
        }
        left
    }

    #[inline(always)]
    fn add(self, s: S, left: Self::Left, columns: Self::Columns, sum: S::V) -> S::V {
        add_parts(
            #[inline(always)]
            |a: [S::V; 2], b: [S::V; 2], sum| s.mul_add(a[0], b[0], s.mul_add(a[1], b[1], sum)),
            left,
            columns,
            sum,
        )
    }
}

/// Pairs of bf16 numbers in one instruction.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Pairs<const PARTS: usize>(pub(crate) Avx512Bf16);

#[cfg(target_arch = "x86_64")]
impl<const PARTS: usize> Product<Avx512> for Pairs<PARTS> {
    const PARTS: usize = PARTS;
    const COLUMN_REGISTERS: usize = PARTS;
    const LEFT_REGISTERS: usize = PARTS;
    type Columns = [<Avx512 as Simd>::V; PARTS];
    type Left = [<Avx512 as Simd>::V; PARTS];

    #[inline(always)]
    unsafe fn columns(self, s: Avx512, at: *const f32, pitch: usize) -> Self::Columns {
        let mut columns = [s.zero(); PARTS];
        for (part, columns) in columns.iter_mut().enumerate() {
            // SAFETY: the caller gives a vector for each part.
            *columns = unsafe { s.load(at.add(part * pitch)) };
        }
        columns
    }

    #[inline(always)]
    unsafe fn left(self, s: Avx512, row: *const f32, low: usize, step: usize) -> Self::Left {
        let mut left = [s.zero(); PARTS];
        for (part, left) in left.iter_mut().enumerate() {
            // SAFETY: the caller's row has the step's pair in each part. A pair's 32 bits are copied.
            *left = s.splat(unsafe { *row.add(part * low + step) });
        }
        left
    }

    #[inline(always)]
    fn add(
        self,
        _: Avx512,
        left: Self::Left,
        columns: Self::Columns,
        sum: <Avx512 as Simd>::V,
    ) -> <Avx512 as Simd>::V {
        add_parts(
            #[inline(always)]
            |a, b, sum| self.0.multiply_pairs(a, b, sum),
            left,
            columns,
            sum,
        )
    }
}

/// The products of the parts, the smallest first, by `add(a, b, sum)`; the last is `high * high`.
#[inline(always)]
fn add_parts<T: Copy, V, const PARTS: usize>(
    add: impl Fn(T, T, V) -> V,
    left: [T; PARTS],
    columns: [T; PARTS],
    mut sum: V,
) -> V {
    if PARTS == 2 {
        sum = add(left[PARTS - 1], columns[0], sum);
        sum = add(left[0], columns[PARTS - 1], sum);
    }
    add(left[0], columns[0], sum)
}
