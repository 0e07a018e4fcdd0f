//! What happens to a tile's sums on their way out.

use crate::cpu::simd::Simd;
use crate::gemm::destination::Destination;
use crate::math::activation::{Activation, VectorFn};

/// What is done to each element of a product before it is written:
/// `act(sum + bias[n]) + residual[m, n]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Added to each column: `[n]`.
    pub bias: Option<&'a [f32]>,
    /// Applied after the bias.
    pub activation: Activation,
    /// Added last: `[m, n]`, its rows as far apart as the output's.
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

/// What the sums of a panel's columns are multiplied by and what is added then, in vectors; zero for
/// columns that are absent.
pub(crate) struct Affine<S: Simd> {
    scales: Option<[S::V; 2]>,
    bias: [S::V; 2],
}

impl<S: Simd> Affine<S> {
    /// Of `scales` and a `bias` for each column present; empty where there is nothing to do.
    #[inline(always)]
    pub(crate) fn new(s: S, scales: &[f32], bias: &[f32]) -> Self {
        let scales = if scales.is_empty() { None } else { Some(vectors(s, scales)) };
        Self { scales, bias: vectors(s, bias) }
    }

    /// Of vector `v` of the columns.
    #[inline(always)]
    fn of(&self, s: S, v: usize, x: S::V) -> S::V {
        let x = match self.scales {
            Some(scales) => s.mul(x, scales[v]),
            None => x,
        };
        s.add(x, self.bias[v])
    }
}

/// Up to two vectors of values, with zeros behind.
#[inline(always)]
fn vectors<S: Simd>(s: S, of: &[f32]) -> [S::V; 2] {
    let (first, second) = of.split_at(of.len().min(S::LANES));
    [s.load_tail(first), s.load_tail(second)]
}

/// Where a tile's values go.
pub(crate) struct Target {
    /// The columns that are present.
    pub(crate) columns: usize,
    /// The first of them of the first row, to be added last, or null.
    pub(crate) residual: *const f32,
    /// The output.
    pub(crate) out: Destination,
    /// The number of its value for the first column of the first row.
    pub(crate) at: usize,
    /// Values from row to row of both.
    pub(crate) pitch: usize,
}

impl Target {
    /// Writes `f(sums * scales + bias) + residual`; `sums` are rows of `width`, of whole vectors.
    ///
    /// # Safety
    /// For each row of `sums`, `columns` values of `out` must be the caller's to write
    /// ([`Destination::store`]), and `residual`, where it is not null, valid for reads of as many.
    #[inline(always)]
    pub(crate) unsafe fn finish<S: Simd, F: VectorFn>(
        self,
        s: S,
        f: F,
        affine: &Affine<S>,
        sums: &[f32],
        width: usize,
    ) {
        for (row, sums) in sums.chunks_exact(width).enumerate() {
            for (v, x) in sums.chunks_exact(S::LANES).enumerate() {
                let at = row * self.pitch + v * S::LANES;
                let n = self.columns.saturating_sub(v * S::LANES).min(S::LANES);
                let mut x = f.eval(s, affine.of(s, v, s.load_slice(x)));
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
