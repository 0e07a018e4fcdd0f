//! The arithmetic of one step along `k`.
//!
//! | step | adds to the sum of a row and a column |
//! |---|---|
//! | [`Fma`] | `a * b` |
//! | [`Widened<1>`](Widened) | `a.1 * b.1`, then `a.0 * b.0`: a pair of bf16 numbers, widened |
//! | [`Pairs<1>`](Pairs) | the same in one instruction of AVX512-BF16 |
//! | `Widened<2>`, `Pairs<2>` | for `bf16x3`: `low * high`, `high * low`, `high * high`, each a pair as above |
//!
//! A product of two bf16 numbers has 16 significant bits, so it is exact in `f32`. A multiply-add of it rounds once,
//! however it is computed, so all instruction sets give the same bits. There are two exceptions, both below `2^-100`:
//! AVX512-BF16 flushes a sum that is subnormal to zero, and the portable set rounds a product that is subnormal before it
//! is added. Operands are never subnormal: [`bf16_bits`](crate::number::bf16_bits) has flushed them.
//!
//! The small terms of `bf16x3` come first in a step. All terms go to one sum. The small ones are at most `2^-8` of a
//! product, of which `f32` keeps 16 bits, and what the parts leave out is larger than what is rounded away there.

use crate::cpu::simd::Simd;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512_bf16::Avx512Bf16;
use crate::gemm::Word;

/// A step: its operands, and what it adds to a sum.
///
/// Parts are read in loops: `std::array::from_fn` may stay a call, compiled without the wide instructions.
pub(crate) trait Step<S: Simd>: Copy {
    /// Vectors of the panel that make up a vector of columns in a step.
    const PARTS: usize;
    /// Registers that `Rhs` takes.
    const RHS_REGISTERS: usize;
    /// Registers that `Lhs` takes.
    const LHS_REGISTERS: usize;
    /// The rhs of a step: a vector of columns.
    type Rhs: Copy;
    /// The lhs of a step: a value (or pair) of a row, for every column.
    type Lhs: Copy;

    /// Loads a vector of columns from `at`. Its parts are `pitch` words apart.
    ///
    /// # Safety
    /// `at.add(part * pitch)` must be valid for reads of a vector for each of `PARTS` parts.
    unsafe fn load_rhs(self, s: S, at: *const Word, pitch: usize) -> Self::Rhs;

    /// Loads step `step` of a row of the lhs, whose low parts follow `low` words after its high parts.
    ///
    /// # Safety
    /// The row must hold that step in the form of [`LhsPacking`](crate::gemm::packing::lhs::LhsPacking), with low parts if
    /// `PARTS` is 2.
    unsafe fn load_lhs(self, s: S, row: *const Word, low: usize, step: usize) -> Self::Lhs;

    /// The sum of `sum` and the step's products.
    fn multiply_add(self, s: S, lhs: Self::Lhs, rhs: Self::Rhs, sum: S::V) -> S::V;
}

/// `f32` times `f32`.
#[derive(Clone, Copy)]
pub(crate) struct Fma;

impl<S: Simd> Step<S> for Fma {
    const PARTS: usize = 1;
    const RHS_REGISTERS: usize = 1;
    const LHS_REGISTERS: usize = 1;
    type Rhs = S::V;
    type Lhs = S::V;

    #[inline(always)]
    unsafe fn load_rhs(self, s: S, at: *const Word, _: usize) -> S::V {
        // SAFETY: the caller gives a vector.
        unsafe { s.load(at.cast()) }
    }

    #[inline(always)]
    unsafe fn load_lhs(self, s: S, row: *const Word, _: usize, step: usize) -> S::V {
        // SAFETY: the caller's row has more than `step` values.
        s.splat(unsafe { *row.cast::<f32>().add(step) })
    }

    #[inline(always)]
    fn multiply_add(self, s: S, lhs: S::V, rhs: S::V, sum: S::V) -> S::V {
        s.mul_add(lhs, rhs, sum)
    }
}

/// Pairs of bf16 numbers, widened to `f32`: those of the panel in registers, those of the lhs when it was packed.
#[derive(Clone, Copy)]
pub(crate) struct Widened<const PARTS: usize>;

impl<S: Simd, const PARTS: usize> Step<S> for Widened<PARTS> {
    const PARTS: usize = PARTS;
    const RHS_REGISTERS: usize = 2 * PARTS;
    const LHS_REGISTERS: usize = 2 * PARTS;
    type Rhs = [[S::V; 2]; PARTS];
    type Lhs = [[S::V; 2]; PARTS];

    #[inline(always)]
    unsafe fn load_rhs(self, s: S, at: *const Word, pitch: usize) -> Self::Rhs {
        let mut rhs = [[s.zero(); 2]; PARTS];
        for (part, rhs) in rhs.iter_mut().enumerate() {
            // SAFETY: the caller gives a vector for each part.
            *rhs = s.widen_pairs(unsafe { s.load(at.add(part * pitch).cast()) });
        }
        rhs
    }

    #[inline(always)]
    unsafe fn load_lhs(self, s: S, row: *const Word, low: usize, step: usize) -> Self::Lhs {
        let mut lhs = [[s.zero(); 2]; PARTS];
        for (part, lhs) in lhs.iter_mut().enumerate() {
            // SAFETY: the caller's row has both values of the step in each part.
            let pair = unsafe { row.add(part * low + 2 * step).cast::<[f32; 2]>().read() };
            *lhs = [s.splat(pair[0]), s.splat(pair[1])];
        }
        lhs
    }

    #[inline(always)]
    fn multiply_add(self, s: S, lhs: Self::Lhs, rhs: Self::Rhs, sum: S::V) -> S::V {
        add_parts(
            #[inline(always)]
            |a: [S::V; 2], b: [S::V; 2], sum| s.mul_add(a[0], b[0], s.mul_add(a[1], b[1], sum)),
            lhs,
            rhs,
            sum,
        )
    }
}

/// Pairs of bf16 numbers in one instruction.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Pairs<const PARTS: usize>(pub(crate) Avx512Bf16);

#[cfg(target_arch = "x86_64")]
impl<const PARTS: usize> Step<Avx512> for Pairs<PARTS> {
    const PARTS: usize = PARTS;
    const RHS_REGISTERS: usize = PARTS;
    const LHS_REGISTERS: usize = PARTS;
    type Rhs = [<Avx512 as Simd>::V; PARTS];
    type Lhs = [<Avx512 as Simd>::V; PARTS];

    #[inline(always)]
    unsafe fn load_rhs(self, s: Avx512, at: *const Word, pitch: usize) -> Self::Rhs {
        let mut rhs = [s.zero(); PARTS];
        for (part, rhs) in rhs.iter_mut().enumerate() {
            // SAFETY: the caller gives a vector for each part.
            *rhs = unsafe { s.load(at.add(part * pitch).cast()) };
        }
        rhs
    }

    #[inline(always)]
    unsafe fn load_lhs(self, s: Avx512, row: *const Word, low: usize, step: usize) -> Self::Lhs {
        let mut lhs = [s.zero(); PARTS];
        for (part, lhs) in lhs.iter_mut().enumerate() {
            // SAFETY: the caller's row has the step's pair in each part. A pair's 32 bits are copied.
            *lhs = s.splat(unsafe { *row.add(part * low + step).cast() });
        }
        lhs
    }

    #[inline(always)]
    fn multiply_add(
        self,
        _: Avx512,
        lhs: Self::Lhs,
        rhs: Self::Rhs,
        sum: <Avx512 as Simd>::V,
    ) -> <Avx512 as Simd>::V {
        add_parts(
            #[inline(always)]
            |a, b, sum| self.0.multiply_pairs(a, b, sum),
            lhs,
            rhs,
            sum,
        )
    }
}

/// Adds the products of the parts by `add(a, b, sum)`, the smallest first. The last one is `high * high`.
#[inline(always)]
fn add_parts<T: Copy, V, const PARTS: usize>(
    add: impl Fn(T, T, V) -> V,
    lhs: [T; PARTS],
    rhs: [T; PARTS],
    mut sum: V,
) -> V {
    if PARTS == 2 {
        sum = add(lhs[PARTS - 1], rhs[0], sum);
        sum = add(lhs[0], rhs[PARTS - 1], sum);
    }
    add(lhs[0], rhs[0], sum)
}
