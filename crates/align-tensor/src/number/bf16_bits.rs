//! Bits of bfloat16 numbers. A bfloat16 is the upper half of an `f32`, rounded.
//!
//! It has 8 significant bits, so rounding to nearest changes a number by at most `u = 2^-8` of
//! itself. The rules are those of the CPU's own conversion (`vcvtneps2bf16`), so that emulated
//! products read the same operands:
//!
//! - ties are rounded to even;
//! - a number above the largest bf16 by half a step or more becomes infinity;
//! - a subnormal becomes zero of the same sign;
//! - a NaN stays NaN: quiet, with the upper bits of its payload.
//!
//! [`split`] keeps a number in two parts, `high = round(x)` and `low = round(x - high)`. The
//! difference is exact, so the error of `high + low` is at most `u² |x| = 2^-16 |x|` (plus `2^-126`
//! if `low` is subnormal). If `high` is not finite, `low` is zero. The product of an infinity in two
//! parts is NaN, because one of its terms is infinity times zero.
//!
//! The functions work on bits: [`half::bf16::from_f32`] keeps subnormals and must not be used for
//! operands of products.

/// The bits of `x` rounded to bf16.
#[inline(always)]
pub(crate) fn round(x: f32) -> u16 {
    let bits = x.to_bits();
    let upper = if x.is_nan() {
        bits >> 16 | 0x40
    } else if bits & 0x7f80_0000 == 0 {
        bits >> 16 & 0x8000
    } else {
        // Adds just under half a step, and one more if the kept part is odd: ties go to even.
        (bits + 0x7fff + (bits >> 16 & 1)) >> 16
    };
    upper as u16
}

/// The value of bf16 bits, exactly.
#[inline(always)]
pub(crate) fn widen(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The bits of the two parts `[high, low]`.
#[inline(always)]
pub(crate) fn split(x: f32) -> [u16; 2] {
    let high = round(x);
    let rest = if widen(high).is_finite() { x - widen(high) } else { 0.0 };
    [high, round(rest)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    /// Every upper half, with lower halves at and around its ties.
    fn all() -> impl Iterator<Item = f32> {
        let lower = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
        (0..=u16::MAX)
            .flat_map(move |upper| lower.map(|l| f32::from_bits(u32::from(upper) << 16 | l)))
    }

    #[test]
    fn rounds_as_the_format_says_and_flushes_subnormals() {
        for x in all() {
            let expected = if x.is_subnormal() { 0f32.copysign(x) } else { x };
            let expected = bf16::from_f32(expected);
            assert_eq!(round(x), expected.to_bits(), "{x:e}");
            assert!(x.is_nan() || widen(round(x)) == expected.to_f32());
        }
    }

    #[test]
    fn two_parts_keep_sixteen_bits() {
        for x in all().filter(|x| x.is_finite()) {
            let [high, low] = split(x).map(widen);
            if high.is_infinite() {
                assert!(x.abs() > 3.38e38 && low == 0.0);
                continue;
            }
            let error = (f64::from(x) - f64::from(high) - f64::from(low)).abs();
            let bound = f64::from(x).abs() * 2f64.powi(-16) + 2f64.powi(-126);
            assert!(error <= bound, "{x:e}: {high:e} + {low:e}");
        }
        assert_eq!(split(f32::INFINITY).map(widen), [f32::INFINITY, 0.0]);
        assert!(widen(split(f32::NAN)[0]).is_nan());
    }
}
