//! The small vector trait that every kernel is written with.
//!
//! A kernel is an [`Op`]: its `run` is generic over [`Simd`] and `#[inline(always)]`, so that
//! [`Isa::dispatch`](crate::cpu::Isa::dispatch) can compile one copy of it for each instruction
//! set, in a `#[target_feature]` function. A value that implements `Simd` exists only after run-time
//! detection has found its instructions: holding one is the proof that they may be used.
//!
//! - [`portable`]: 8 lanes on the `wide` crate, for any CPU.
//! - [`avx2`]: 8 lanes, AVX2, FMA and F16C.
//! - [`avx512`]: 16 lanes, AVX-512 F, BW, DQ and VL.
//! - [`avx512_bf16`]: products of bf16 pairs, in addition to AVX-512.
//! - [`avx512_vnni`]: products of bytes, in addition to AVX-512.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512_bf16;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512_vnni;
pub(crate) mod portable;

use half::{bf16, f16};

/// Prefetches the cache line of `p` into the L2 cache, if the CPU has an instruction for that. Any
/// address will do: nothing is read.
#[inline(always)]
pub(crate) fn prefetch<T>(p: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of any address is harmless, and every x86-64 CPU has it.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// The widest vector of any instruction set, in `f32` lanes.
pub(crate) const MAX_LANES: usize = 16;

/// For `a` near one and `n` of at least this magnitude, `a * 2^n` is zero or infinite in `f32`.
const SCALE_BOUND: f32 = 160.0;

/// `1.5 * 2^23`. The sum with a number of magnitude below `2^22` has the nearest integer in its last
/// bits.
pub(crate) const ROUNDER: f32 = 12_582_912.0;

/// The bits of `2^(j / 8)` minus `j * 2^20`, which the shift of `j` adds again: see
/// [`Simd::exp2_of_eighths`].
const EIGHTH_POWERS: [u32; 8] = [
    0x3f80_0000,
    0x3f7b_95c2,
    0x3f78_37f0,
    0x3f75_fed7,
    0x3f75_04f3,
    0x3f75_672a,
    0x3f77_44fd,
    0x3f7a_c0c7,
];

/// `a` clamped to magnitudes of at most [`SCALE_BOUND`]; for NaN, some number.
#[inline(always)]
fn clamped<S: Simd>(s: S, a: S::V) -> S::V {
    s.min(s.splat(SCALE_BOUND), s.max(s.splat(-SCALE_BOUND), a))
}

/// The largest integer that is not above `a`.
#[inline(always)]
fn floor<S: Simd>(s: S, a: S::V) -> S::V {
    let nearest = s.round(a);
    s.select_lt(a, nearest, s.sub(nearest, s.splat(1.0)), nearest)
}

/// A computation written once and compiled for every instruction set.
///
/// `run` must be `#[inline(always)]`, and so must everything generic over `S` that it calls:
/// only code that is inlined into the `#[target_feature]` function of [`Simd::outline`] uses the wide
/// instructions. A closure needs the attribute too: without it, each intrinsic in the closure becomes
/// a call.
pub(crate) trait Op {
    /// What the computation returns.
    type Output;
    /// Computes with the vectors of `s`.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// Vectors of `f32` and their operations.
///
/// All arithmetic is IEEE `f32`, rounded to nearest even, lane by lane. `mul_add` is fused
/// (one rounding) on AVX2 and AVX-512 and may round twice on the portable set.
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// A vector of [`LANES`](Simd::LANES) values.
    type V: Copy;
    /// The lanes of a vector: 8 or 16.
    const LANES: usize;
    /// The vector registers that a microkernel may count on.
    const REGISTERS: usize;

    /// Runs `op` in a function of its own, compiled for this instruction set.
    ///
    /// Kernels are entered by this call. Parts that several kernels share are also called by it, so
    /// that they are compiled once.
    fn outline<O: Op>(self, op: O) -> O::Output;

    /// The set itself if it is AVX-512, for code that is written for AVX-512 alone.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn avx512(self) -> Option<avx512::Avx512> {
        None
    }

    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::V;

    /// Loads `LANES` values.
    ///
    /// # Safety
    /// `p` must be valid for reads of `LANES` values; no alignment is required.
    unsafe fn load(self, p: *const f32) -> Self::V;

    /// Stores `LANES` values.
    ///
    /// # Safety
    /// `p` must be valid for writes of `LANES` values; no alignment is required.
    unsafe fn store(self, p: *mut f32, v: Self::V);

    /// Loads `n <= LANES` values into the first lanes and zero into the others.
    ///
    /// # Safety
    /// `p` must be valid for reads of `n` values, and `n` at most `LANES`.
    unsafe fn load_first(self, p: *const f32, n: usize) -> Self::V;

    /// Loads `LANES` values of half precision and widens them, which is exact.
    ///
    /// # Safety
    /// `p` must be valid for reads of `LANES` values; no alignment is required.
    unsafe fn load_f16(self, p: *const f16) -> Self::V;

    /// Stores the first `n <= LANES` lanes.
    ///
    /// # Safety
    /// `p` must be valid for writes of `n` values, and `n` at most `LANES`.
    unsafe fn store_first(self, p: *mut f32, n: usize, v: Self::V);

    /// `a + b`.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`, correctly rounded.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `1 / a` within 1 ULP for normal `a` whose reciprocal is normal; faster than [`Simd::div`]
    /// if the instruction set allows it. `1 / inf` is zero.
    fn recip(self, a: Self::V) -> Self::V;
    /// [`Simd::recip`] if `a` and its reciprocal are normal; any result for other values, including
    /// infinity.
    #[inline(always)]
    fn recip_normal(self, a: Self::V) -> Self::V {
        self.recip(a)
    }
    /// `a * b + c`.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a > b ? a : b`: `b` if either is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a < b ? a : b`: `b` if either is NaN.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// `|a|`.
    fn abs(self, a: Self::V) -> Self::V;
    /// `|a|` with the sign of `sign`.
    fn copysign(self, a: Self::V, sign: Self::V) -> Self::V;
    /// `a < b ? yes : no`: `no` if either is NaN.
    fn select_lt(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// The nearest integer, ties to even. If that is zero, its sign is unspecified.
    fn round(self, a: Self::V) -> Self::V;
    /// `a * 2^n` for integral `n` in `-252..=254`, gradual underflow and overflow to infinity
    /// included (the result may be rounded twice among the subnormals).
    fn ldexp(self, a: Self::V, n: Self::V) -> Self::V;
    /// `a - floor(a)` for magnitudes up to 160; some number of `[0, 1)` for larger ones.
    #[inline(always)]
    fn fraction(self, a: Self::V) -> Self::V {
        let a = clamped(self, a);
        self.sub(a, floor(self, a))
    }
    /// `2^(n / 8)`, correctly rounded, if `bits` are [`ROUNDER`]` + n` for an integral `n` of magnitude
    /// up to 1008. For other `bits`, some number or NaN.
    ///
    /// The last three bits of `n` select a power of [`EIGHTH_POWERS`], and the others are added to its
    /// exponent.
    fn exp2_of_eighths(self, bits: Self::V) -> Self::V;
    /// `a * 2^floor(n)` for `a` of `[1/2, 4]`, rounded as by [`Simd::ldexp`]. For `n` of magnitude above
    /// 160, infinity included, it is zero or infinity.
    #[inline(always)]
    fn scale_by_floor(self, a: Self::V, n: Self::V) -> Self::V {
        self.ldexp(a, floor(self, clamped(self, n)))
    }
    /// `1 / a` with a relative error of up to `2^-14`, for normal positive `a` up to `2^126`. `1 / inf` is
    /// zero.
    #[inline(always)]
    fn recip_estimate(self, a: Self::V) -> Self::V {
        self.recip(a)
    }
    /// The sum of all lanes, halving: lane `i` is added to lane `i + LANES/2`, and so on.
    fn reduce_add(self, a: Self::V) -> f32;
    /// The largest lane; some lane if one is NaN.
    fn reduce_max(self, a: Self::V) -> f32;

    /// Loads `n <= LANES` values of half precision into the first lanes, widened, and zero into
    /// the others.
    ///
    /// # Safety
    /// `p` must be valid for reads of `n` values.
    #[inline(always)]
    unsafe fn load_f16_first(self, p: *const f16, n: usize) -> Self::V {
        let mut lanes = [f16::ZERO; MAX_LANES];
        // SAFETY: the caller provides `n` readable values; the slice panics past `MAX_LANES`, which
        // no vector exceeds.
        unsafe {
            lanes[..n].copy_from_slice(std::slice::from_raw_parts(p, n));
            self.load_f16(lanes.as_ptr())
        }
    }

    /// Every lane rounded to bf16, by the rules of [`bf16_bits`](crate::number::bf16_bits).
    fn round_bf16(self, a: Self::V) -> Self::V;
    /// The pair of bf16 numbers in each lane's bits, widened: the lower halves, the upper halves.
    fn widen_pairs(self, pairs: Self::V) -> [Self::V; 2];

    /// Stores the upper halves of the lanes' bits, `LANES` of them. After [`Simd::round_bf16`], the
    /// lower halves are zero.
    ///
    /// # Safety
    /// `p` must be valid for writes of `LANES` halves; no alignment is required.
    unsafe fn store_upper_halves(self, p: *mut bf16, v: Self::V);

    /// Stores the lanes rounded to bf16, `LANES` halves.
    ///
    /// # Safety
    /// As for [`Simd::store_upper_halves`].
    #[inline(always)]
    unsafe fn store_bf16(self, p: *mut bf16, v: Self::V) {
        // SAFETY: the caller's duty.
        unsafe { self.store_upper_halves(p, self.round_bf16(v)) }
    }

    /// Loads `LANES` bf16 numbers and widens them, which is exact.
    ///
    /// # Safety
    /// `p` must be valid for reads of `LANES` halves; no alignment is required.
    unsafe fn load_bf16(self, p: *const bf16) -> Self::V;

    /// All of `x`, at most `LANES` bf16 numbers, widened, and zero in the lanes after them.
    ///
    /// # Panics
    /// If `x` is longer than `LANES`.
    #[inline(always)]
    fn load_bf16_tail(self, x: &[bf16]) -> Self::V {
        if x.len() == Self::LANES {
            // SAFETY: `x` has one half for each lane.
            return unsafe { self.load_bf16(x.as_ptr()) };
        }
        let mut halves = [bf16::ZERO; MAX_LANES];
        halves[..Self::LANES][..x.len()].copy_from_slice(x);
        // SAFETY: no vector has more than `MAX_LANES` lanes.
        unsafe { self.load_bf16(halves.as_ptr()) }
    }

    /// Stores the first `n <= LANES` lanes rounded to bf16.
    ///
    /// # Safety
    /// `p` must be valid for writes of `n` halves; no alignment is required.
    #[inline(always)]
    unsafe fn store_bf16_first(self, p: *mut bf16, n: usize, v: Self::V) {
        if n == Self::LANES {
            // SAFETY: the caller provides one half for each lane.
            return unsafe { self.store_bf16(p, v) };
        }
        let mut halves = [bf16::ZERO; MAX_LANES];
        // SAFETY: no vector has more than `MAX_LANES` lanes. The caller provides `n` writable halves, and
        // the slice panics past `MAX_LANES`.
        unsafe {
            self.store_bf16(halves.as_mut_ptr(), v);
            p.copy_from_nonoverlapping(halves[..n].as_ptr(), n);
        }
    }

    /// Stores to all of `x`, at most `LANES` halves, lanes rounded to bf16.
    ///
    /// # Panics
    /// If `x` is longer than `LANES`.
    #[inline(always)]
    fn store_bf16_tail(self, x: &mut [bf16], v: Self::V) {
        assert!(x.len() <= Self::LANES);
        // SAFETY: `x.len()` halves are writable, and that is at most `LANES`.
        unsafe { self.store_bf16_first(x.as_mut_ptr(), x.len(), v) }
    }

    /// Zero in every lane.
    #[inline(always)]
    fn zero(self) -> Self::V {
        self.splat(0.0)
    }

    /// The first `LANES` values of `x`.
    ///
    /// # Panics
    /// If `x` is shorter.
    #[inline(always)]
    fn load_slice(self, x: &[f32]) -> Self::V {
        assert!(x.len() >= Self::LANES);
        // SAFETY: the assertion above ensures `LANES` readable values.
        unsafe { self.load(x.as_ptr()) }
    }

    /// Stores to the first `LANES` values of `x`.
    ///
    /// # Panics
    /// If `x` is shorter.
    #[inline(always)]
    fn store_slice(self, x: &mut [f32], v: Self::V) {
        assert!(x.len() >= Self::LANES);
        // SAFETY: the assertion above ensures `LANES` writable values.
        unsafe { self.store(x.as_mut_ptr(), v) }
    }

    /// All of `x`, at most `LANES` values, and zero in the lanes after them.
    ///
    /// # Panics
    /// If `x` is longer than `LANES`.
    #[inline(always)]
    fn load_tail(self, x: &[f32]) -> Self::V {
        assert!(x.len() <= Self::LANES);
        // SAFETY: `x.len()` values are readable, and that is at most `LANES`.
        unsafe { self.load_first(x.as_ptr(), x.len()) }
    }

    /// Stores to all of `x`, at most `LANES` values.
    ///
    /// # Panics
    /// If `x` is longer than `LANES`.
    #[inline(always)]
    fn store_tail(self, x: &mut [f32], v: Self::V) {
        assert!(x.len() <= Self::LANES);
        // SAFETY: `x.len()` values are writable, and that is at most `LANES`.
        unsafe { self.store_first(x.as_mut_ptr(), x.len(), v) }
    }

    /// Replaces every value `v` of `x` by `f(v)`, one vector at a time. `f` sees zeros in the lanes
    /// after the end. Like [`Op::run`], it must be `#[inline(always)]`.
    #[inline(always)]
    fn map_in_place(self, x: &mut [f32], mut f: impl FnMut(Self::V) -> Self::V) {
        let mut chunks = x.chunks_exact_mut(Self::LANES);
        for chunk in &mut chunks {
            let v = f(self.load_slice(chunk));
            self.store_slice(chunk, v);
        }
        let tail = chunks.into_remainder();
        if !tail.is_empty() {
            let v = f(self.load_tail(tail));
            self.store_tail(tail, v);
        }
    }
}

#[cfg(test)]
mod tests;
