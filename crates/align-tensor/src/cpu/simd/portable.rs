//! Eight lanes on the `wide` crate, for every CPU.

use super::{EIGHTH_POWERS, Op, Simd};
use crate::number::bf16_bits;
use half::{bf16, f16};
use wide::f32x8;

/// The portable instruction set, which is always available.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

impl Portable {
    /// `2^n` for integral `n` in `-126..=127`, from the exponent bits.
    #[inline(always)]
    fn pow2(n: f32x8) -> f32x8 {
        f32x8::from(n.to_array().map(|n| f32::from_bits(((n as i32 + 127) << 23) as u32)))
    }
}

impl Simd for Portable {
    type V = f32x8;
    const LANES: usize = 8;
    // Each f32x8 occupies two of the sixteen SSE registers.
    const REGISTERS: usize = 8;

    #[inline(never)]
    fn outline<O: Op>(self, op: O) -> O::Output {
        op.run(self)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> f32x8 {
        f32x8::splat(x)
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> f32x8 {
        // SAFETY: the caller provides 8 readable values; the read requires no alignment.
        f32x8::from(unsafe { p.cast::<[f32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: f32x8) {
        // SAFETY: the caller provides 8 writable values; the write requires no alignment.
        unsafe { p.cast::<[f32; 8]>().write_unaligned(v.to_array()) }
    }

    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> f32x8 {
        let mut lanes = [0.0; 8];
        // SAFETY: the caller provides `n` readable values; the slice below panics past 8 lanes.
        lanes[..n].copy_from_slice(unsafe { std::slice::from_raw_parts(p, n) });
        f32x8::from(lanes)
    }

    #[inline(always)]
    unsafe fn load_f16(self, p: *const f16) -> f32x8 {
        // SAFETY: the caller provides 8 readable values; the read requires no alignment.
        let lanes = unsafe { p.cast::<[f16; 8]>().read_unaligned() };
        // In integers and f32 alone: to check the CPU's features for each value would cost more.
        f32x8::from(lanes.map(f16::to_f32_const))
    }

    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize, v: f32x8) {
        let lanes = v.to_array();
        // SAFETY: the caller provides `n` writable values; the slice below panics past 8 lanes.
        unsafe { std::slice::from_raw_parts_mut(p, n) }.copy_from_slice(&lanes[..n]);
    }

    #[inline(always)]
    fn add(self, a: f32x8, b: f32x8) -> f32x8 {
        a + b
    }

    #[inline(always)]
    fn sub(self, a: f32x8, b: f32x8) -> f32x8 {
        a - b
    }

    #[inline(always)]
    fn mul(self, a: f32x8, b: f32x8) -> f32x8 {
        a * b
    }

    #[inline(always)]
    fn div(self, a: f32x8, b: f32x8) -> f32x8 {
        a / b
    }

    #[inline(always)]
    fn recip(self, a: f32x8) -> f32x8 {
        f32x8::splat(1.0) / a
    }

    #[inline(always)]
    fn mul_add(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn max(self, a: f32x8, b: f32x8) -> f32x8 {
        a.simd_gt(b).bitselect(a, b)
    }

    #[inline(always)]
    fn min(self, a: f32x8, b: f32x8) -> f32x8 {
        a.simd_lt(b).bitselect(a, b)
    }

    #[inline(always)]
    fn abs(self, a: f32x8) -> f32x8 {
        a.abs()
    }

    #[inline(always)]
    fn copysign(self, a: f32x8, sign: f32x8) -> f32x8 {
        f32x8::splat(-0.0).bitselect(sign, a)
    }

    #[inline(always)]
    fn select_lt(self, a: f32x8, b: f32x8, yes: f32x8, no: f32x8) -> f32x8 {
        a.simd_lt(b).bitselect(yes, no)
    }

    #[inline(always)]
    fn round(self, a: f32x8) -> f32x8 {
        a.round_ties_even()
    }

    #[inline(always)]
    fn ldexp(self, a: f32x8, n: f32x8) -> f32x8 {
        // In two steps, so that neither factor leaves the normal numbers.
        let half = (n * f32x8::splat(0.5)).round_ties_even();
        a * Self::pow2(half) * Self::pow2(n - half)
    }

    #[inline(always)]
    fn exp2_of_eighths(self, bits: f32x8) -> f32x8 {
        f32x8::from(bits.to_array().map(
            #[inline(always)]
            |x| {
                let bits = x.to_bits();
                let power = EIGHTH_POWERS[bits as usize % EIGHTH_POWERS.len()];
                f32::from_bits(power.wrapping_add(bits << 20))
            },
        ))
    }

    #[inline(always)]
    fn reduce_add(self, a: f32x8) -> f32 {
        let [a, b, c, d, e, f, g, h] = a.to_array();
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }

    #[inline(always)]
    fn reduce_max(self, a: f32x8) -> f32 {
        a.to_array().into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    #[inline(always)]
    fn round_bf16(self, a: f32x8) -> f32x8 {
        f32x8::from(a.to_array().map(|x| bf16_bits::widen(bf16_bits::round(x))))
    }

    #[inline(always)]
    fn widen_pairs(self, pairs: f32x8) -> [f32x8; 2] {
        let bits = pairs.to_array().map(f32::to_bits);
        [bits.map(|bits| bits << 16), bits.map(|bits| bits & 0xffff_0000)]
            .map(|half| f32x8::from(half.map(f32::from_bits)))
    }

    #[inline(always)]
    unsafe fn store_upper_halves(self, p: *mut bf16, v: f32x8) {
        let halves = v.to_array().map(|x| bf16::from_bits((x.to_bits() >> 16) as u16));
        // SAFETY: the caller provides 8 writable halves; the write requires no alignment.
        unsafe { p.cast::<[bf16; 8]>().write_unaligned(halves) }
    }

    #[inline(always)]
    unsafe fn load_bf16(self, p: *const bf16) -> f32x8 {
        // SAFETY: the caller provides 8 readable halves; the read requires no alignment.
        let halves = unsafe { p.cast::<[bf16; 8]>().read_unaligned() };
        f32x8::from(halves.map(|x| bf16_bits::widen(x.to_bits())))
    }
}
