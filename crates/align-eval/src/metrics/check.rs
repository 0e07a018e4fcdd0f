//! Checks of arrays that several metrics share.

use super::error::MetricsError;
use ndarray::{ArrayView1, ArrayView2, NdFloat};

/// The array has `expected` entries.
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

/// Every entry is below `bound`.
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

/// There is at least one row, and it is not empty.
pub(super) fn rows<T>(what: &'static str, array: ArrayView2<'_, T>) -> Result<(), MetricsError> {
    if array.is_empty() { Err(MetricsError::Empty { what }) } else { Ok(()) }
}

/// Rows have `expected` values.
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

/// No value is NaN or infinite.
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
