//! What happens to a tile's sums on their way out.

use crate::{Activation, activation::VectorFn, simd::Simd};

/// What is done to each element of a product before it is written:
/// `act(sum + bias[n]) + residual[m, n]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Added to each column: `[n]`.
    pub bias: Option<&'a [f32]>,
    /// Applied after the bias.
    pub activation: Activation,
    /// Added last: `[m, n]`, row-major.
    pub residual: Option<&'a [f32]>,
}

impl<'a> Epilogue<'a> {
    /// With this bias.
    pub fn bias(self, bias: &'a [f32]) -> Self {
        Self { bias: Some(bias), ..self }
    }

    /// With this activation.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// With this residual.
    pub fn residual(self, residual: &'a [f32]) -> Self {
        Self { residual: Some(residual), ..self }
    }
}

/// Writes one row of a tile: `out = f(sums * scales + bias) + residual`, `out_len` columns of it.
///
/// # Safety
/// `sums` must be valid for reads of `out_len` rounded up to whole vectors; `scales`, `bias` and
/// `residual`, where they are not null, for reads of `out_len` values, and `out` for writes of as
/// many.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "each is an array or a size of its own")]
pub(crate) unsafe fn finish_row<S: Simd, F: VectorFn>(
    s: S,
    f: F,
    sums: *const f32,
    scales: *const f32,
    bias: *const f32,
    residual: *const f32,
    out: *mut f32,
    out_len: usize,
) {
    let mut column = 0;
    while column < out_len {
        let n = S::LANES.min(out_len - column);
        // SAFETY: `n` columns are left from `column` on, so each access stays within what the
        // caller gives; full vectors are accessed only where `n` is a full vector.
        unsafe {
            let full = n == S::LANES;
            let load = |p: *const f32| {
                if full { s.load(p.add(column)) } else { s.load_first(p.add(column), n) }
            };
            let mut v = s.load(sums.add(column));
            if !scales.is_null() {
                v = s.mul(v, load(scales));
            }
            if !bias.is_null() {
                v = s.add(v, load(bias));
            }
            v = f.eval(s, v);
            if !residual.is_null() {
                v = s.add(v, load(residual));
            }
            if full {
                s.store(out.add(column), v);
            } else {
                s.store_first(out.add(column), n, v);
            }
        }
        column += n;
    }
}
