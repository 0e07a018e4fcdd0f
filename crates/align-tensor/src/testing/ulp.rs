//! Errors of results in units in the last place, for the tests of kernels.

/// The spacing of the `f32` numbers in the binade of `exact`, at least the smallest subnormal.
pub(crate) fn ulp(exact: f64) -> f64 {
    // An f64's exponent field is floor(log2 |x|) + 1023.
    let exponent = ((exact.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    let exponent = (exponent - 23).clamp(-149, 104);
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// `|got - exact|` in units of `unit`.
///
/// If both are NaN, the error is zero; if one of them is NaN, it is infinite. It is also infinite if
/// either `got` or the rounded `exact` is infinite and they differ.
pub(crate) fn error_in(unit: f64, got: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if got.is_nan() || rounded.is_nan() {
        return if got.is_nan() && rounded.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if got.is_infinite() || rounded.is_infinite() {
        return if got == rounded { 0.0 } else { f64::INFINITY };
    }
    (f64::from(got) - exact).abs() / unit
}

/// `|got - exact|` in units in the last place of `exact`.
pub(crate) fn ulp_error(got: f32, exact: f64) -> f64 {
    error_in(ulp(exact), got, exact)
}

#[test]
fn counts_units_in_the_last_place() {
    assert_eq!(ulp(1.0), f64::from(f32::EPSILON));
    assert_eq!(ulp(-1.999), f64::from(f32::EPSILON));
    assert_eq!(ulp(0.0), f64::from(f32::from_bits(1)));
    assert_eq!(ulp_error(1.0_f32.next_up(), 1.0), 1.0);
    assert_eq!(ulp_error(f32::INFINITY, 1e39), 0.0);
    assert_eq!(ulp_error(f32::MAX, 1e39), f64::INFINITY);
    assert_eq!(ulp_error(f32::NAN, f64::NAN), 0.0);
    assert_eq!(ulp_error(0.0, f64::NAN), f64::INFINITY);
    assert_eq!(ulp_error(f32::NAN, 0.0), f64::INFINITY);
}
