//! The epilogue: what is done to the sums of a tile before they are written.

use crate::cpu::simd::Simd;
use crate::gemm::destination::Destination;
use crate::math::activation::{Activation, VectorFn};

/// The epilogue of a product: `act(sum + bias[n]) + residual[m, n]` for each element.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Added to each column: `[n]`.
    pub bias: Option<&'a [f32]>,
    /// Applied after the bias.
    pub activation: Activation,
    /// Added last: `[m, n]`. Its rows have the pitch of the output's rows.
    pub residual: Option<&'a [f32]>,
}

impl<'a> Epilogue<'a> {
    /// Sets the bias.
    #[must_use]
    pub fn bias(self, bias: &'a [f32]) -> Self {
        Self { bias: Some(bias), ..self }
    }

    /// Sets the activation.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Sets the residual.
    #[must_use]
    pub fn residual(self, residual: &'a [f32]) -> Self {
        Self { residual: Some(residual), ..self }
    }
}

/// `x * scale + bias` for the columns of one panel, in vectors. Both are zero for columns that are absent.
pub(crate) struct ColumnTransform<S: Simd> {
    scales: Option<[S::V; 2]>,
    bias: [S::V; 2],
}

impl<S: Simd> ColumnTransform<S> {
    /// Takes a scale and a bias for each column that is present. Each slice may be empty, which leaves that part out.
    #[inline(always)]
    pub(crate) fn new(s: S, scales: &[f32], bias: &[f32]) -> Self {
        let scales = if scales.is_empty() { None } else { Some(vectors(s, scales)) };
        Self { scales, bias: vectors(s, bias) }
    }

    /// Transforms vector `v` of the columns.
    #[inline(always)]
    fn apply(&self, s: S, v: usize, x: S::V) -> S::V {
        let x = match self.scales {
            Some(scales) => s.mul(x, scales[v]),
            None => x,
        };
        s.add(x, self.bias[v])
    }
}

/// Up to two vectors of values, padded with zeros.
#[inline(always)]
fn vectors<S: Simd>(s: S, values: &[f32]) -> [S::V; 2] {
    let (first, second) = values.split_at(values.len().min(S::LANES));
    [s.load_tail(first), s.load_tail(second)]
}

/// The part of the output that a finished tile is written to.
pub(crate) struct OutputTile {
    /// Number of columns that are present.
    pub(crate) columns: usize,
    /// The residual at the first column of the first row, or null.
    pub(crate) residual: *const f32,
    /// The output, of which the tile's values are the task's to write.
    pub(crate) out: Destination,
    /// Index in the output of the first column of the first row.
    pub(crate) at: usize,
    /// Values from row to row of the output and of the residual.
    pub(crate) pitch: usize,
}

impl OutputTile {
    /// Writes `f(sums * scales + bias) + residual`. `sums` are rows of `width` values, which are whole vectors.
    ///
    /// # Safety
    /// For each row of `sums`, `columns` values of `out` must be the caller's to write ([`Destination::store`]). If
    /// `residual` is not null, it must be valid for reads of the same number of values.
    #[inline(always)]
    pub(crate) unsafe fn finish<S: Simd, F: VectorFn>(
        self,
        s: S,
        f: F,
        transform: &ColumnTransform<S>,
        sums: &[f32],
        width: usize,
    ) {
        for (row, sums) in sums.chunks_exact(width).enumerate() {
            for (v, x) in sums.chunks_exact(S::LANES).enumerate() {
                let at = row * self.pitch + v * S::LANES;
                let n = self.columns.saturating_sub(v * S::LANES).min(S::LANES);
                let mut x = f.eval(s, transform.apply(s, v, s.load_slice(x)));
                // SAFETY: `n` of the row's columns are left from vector `v` on.
                unsafe {
                    if !self.residual.is_null() {
                        let residual = self.residual.add(at);
                        let is_whole = n == S::LANES;
                        let residual =
                            if is_whole { s.load(residual) } else { s.load_first(residual, n) };
                        x = s.add(x, residual);
                    }
                    self.out.store(s, self.at + at, n, x);
                }
            }
        }
    }
}
