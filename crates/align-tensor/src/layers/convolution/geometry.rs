//! Kernel, stride and padding of depthwise convolutions.

use crate::number::sizes::product;

/// The pixels that are expanded at a time if a row has fewer: six tiles of rows.
const BAND_PIXELS: usize = 72;

/// The largest side of a depthwise kernel.
pub(super) const MAX_KERNEL: usize = 31;

/// Kernel, stride and padding of a depthwise convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseGeometry {
    /// The side of the square kernel: at most 31.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Rows of zeros above, and columns to the left.
    pub before: usize,
    /// Rows of zeros below, and columns to the right.
    pub after: usize,
}

impl DepthwiseGeometry {
    /// The outputs along a side of `len` inputs: zero if the kernel does not fit.
    ///
    /// # Panics
    /// If the stride is zero or the padded length does not fit in memory.
    pub fn output_len(&self, len: usize) -> usize {
        let padded = self.padded(len);
        if padded < self.kernel { 0 } else { (padded - self.kernel) / self.stride + 1 }
    }

    /// The output rows that are computed at a time.
    pub(super) fn band(&self, width: usize) -> usize {
        BAND_PIXELS.div_ceil(product([width, self.stride]).max(1))
    }

    /// The input rows that a band of output rows reads.
    pub(super) fn ring(&self, height: usize, width: usize) -> usize {
        height.min((self.band(width) - 1) * self.stride + self.kernel)
    }

    /// A side of `len` inputs with its padding.
    pub(super) fn padded(&self, len: usize) -> usize {
        let padding = self.before.checked_add(self.after);
        padding.and_then(|padding| padding.checked_add(len)).expect("a side that fits in memory")
    }
}
