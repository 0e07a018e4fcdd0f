//! Checks that several metrics make on their arrays.

use super::MetricsError;
use ndarray::{ArrayView1, ArrayView2, NdFloat};

/// As many entries as there are rows.
pub(super) fn length(
    what: &'static str,
    array: ArrayView1<'_, usize>,
    expected: usize,
) -> Result<(), MetricsError> {
    match array.len() {
        found if found == expected => Ok(()),
        found => Err(MetricsError::Length { what, expected, found }),
    }
}

/// Every entry below `bound`.
pub(super) fn indices(
    what: &'static str,
    array: ArrayView1<'_, usize>,
    bound: usize,
) -> Result<(), MetricsError> {
    match array.iter().enumerate().find(|&(_, &found)| found >= bound) {
        Some((row, &found)) => Err(MetricsError::OutOfRange { what, row, bound, found }),
        None => Ok(()),
    }
}

/// At least one row.
pub(super) fn rows<T>(what: &'static str, array: ArrayView2<'_, T>) -> Result<(), MetricsError> {
    if array.is_empty() { Err(MetricsError::Empty { what }) } else { Ok(()) }
}

/// Rows of `expected` values.
pub(super) fn width<T>(
    what: &'static str,
    array: ArrayView2<'_, T>,
    expected: usize,
) -> Result<(), MetricsError> {
    match array.ncols() {
        found if found == expected => Ok(()),
        found => Err(MetricsError::Width { what, expected, found }),
    }
}

/// No NaN and no infinity.
pub(super) fn finite<T: NdFloat>(
    what: &'static str,
    array: ArrayView2<'_, T>,
) -> Result<(), MetricsError> {
    let is_finite = |row: ArrayView1<'_, T>| row.iter().all(|x| x.is_finite());
    match array.rows().into_iter().position(|row| !is_finite(row)) {
        Some(row) => Err(MetricsError::NonFinite { what, row }),
        None => Ok(()),
    }
}
