//! The layout of packed weights.
//!
//! `W^T [k, n]` is cut into panels of `2 * LANES` columns; a panel holds its `k` rows one after
//! another, so a microkernel reads it from front to back. The last panel is one vector wide
//! where that is enough; columns behind `n` are zero.

use crate::{
    AlignedBuffer, Isa, Team,
    simd::{Op, Simd},
    sizes::product,
};

/// The inputs that are packed for all columns of a panel before the next.
const PACKED_AT_ONCE: usize = 64;

/// The lanes of a vector of `isa`.
pub(crate) fn lanes(isa: Isa) -> usize {
    struct Lanes;
    impl Op for Lanes {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            S::LANES
        }
    }
    isa.dispatch(Lanes)
}

/// The rows of a full tile of `isa`: see [`microkernel::max_rows`](super::microkernel::max_rows).
pub(crate) fn max_rows(isa: Isa) -> usize {
    struct MaxRows;
    impl Op for MaxRows {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            super::microkernel::max_rows::<S>()
        }
    }
    isa.dispatch(MaxRows)
}

/// Weights `[n, k]`, packed for the microkernels of one instruction set.
#[derive(Clone, Debug)]
pub struct PackedMatrix {
    isa: Isa,
    k: usize,
    n: usize,
    data: AlignedBuffer,
}

impl PackedMatrix {
    /// Packs `weights [n, k]`, row-major: a row for each of the `n` outputs.
    ///
    /// # Panics
    /// Where `weights` has not `n * k` values, or either is zero.
    pub fn pack(isa: Isa, weights: &[f32], n: usize, k: usize) -> Self {
        assert_eq!(weights.len(), product([n, k]), "weights [{n}, {k}]");
        assert!(n > 0 && k > 0, "weights that are not empty");
        let shape = PackedShape::new(isa, n, k);
        let mut data = AlignedBuffer::zeroed(shape.packed_len());
        PackedView::pack_rows(isa, shape, |row| &weights[row * k..][..k], 1.0, &mut data);
        Self { isa, k, n, data }
    }

    /// The instruction set it is packed for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The length of the products' sums.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The outputs.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The values that [`PackedMatrix::scale_inputs`] writes.
    pub fn packed_len(&self) -> usize {
        self.data.len()
    }

    /// The packed values alone.
    pub(crate) fn into_data(self) -> AlignedBuffer {
        self.data
    }

    pub(crate) fn view(&self) -> PackedView<'_> {
        PackedView { isa: self.isa, k: self.k, n: self.n, data: &self.data }
    }

    /// Writes a copy whose weights are multiplied by `scales[k]`, one for each input, to
    /// `scaled`, and returns it as weights: `A * diag(scales)` folded into the smaller side.
    ///
    /// # Panics
    /// Where `scales` has not `k` values or `scaled` not [`PackedMatrix::packed_len`].
    pub fn scale_inputs<'a>(
        &self,
        team: &Team<'_>,
        scales: &[f32],
        scaled: &'a mut [f32],
    ) -> PackedView<'a> {
        assert_eq!(scales.len(), self.k, "a scale for each input");
        assert_eq!(scaled.len(), self.data.len(), "room for the scaled copy");
        let shape = self.view().shape();
        // All panels but the last have one size, so a chunk is a panel.
        let panel_len = 2 * shape.lanes * self.k;
        team.run_chunks(scaled, panel_len, |panel, scaled| {
            let width = shape.width(panel);
            let packed = &self.data[panel * panel_len..][..scaled.len()];
            let rows = scaled.chunks_exact_mut(width).zip(packed.chunks_exact(width));
            for ((scaled, packed), &scale) in rows.zip(scales) {
                for (scaled, &weight) in scaled.iter_mut().zip(packed) {
                    *scaled = weight * scale;
                }
            }
        });
        PackedView { isa: self.isa, k: self.k, n: self.n, data: scaled }
    }
}

/// Borrowed packed weights, as kernels take them: `k` is not zero, and every panel of `n` columns
/// lies within the data.
#[derive(Clone, Copy)]
pub struct PackedView<'a> {
    pub(crate) isa: Isa,
    pub(crate) k: usize,
    pub(crate) n: usize,
    data: &'a [f32],
}

impl<'a> From<&'a PackedMatrix> for PackedView<'a> {
    fn from(matrix: &'a PackedMatrix) -> Self {
        matrix.view()
    }
}

impl<'a> PackedView<'a> {
    /// Packs weights whose outputs are rows: `row(n)` has `k` values; each is multiplied by
    /// `scale`.
    pub(crate) fn pack_rows<'r>(
        isa: Isa,
        shape: PackedShape,
        row: impl Fn(usize) -> &'r [f32],
        scale: f32,
        data: &'a mut [f32],
    ) -> Self {
        let PackedShape { k, n, .. } = shape;
        for panel in 0..shape.panels() {
            let (columns, width) = (shape.columns(panel), shape.width(panel));
            let packed = &mut data[shape.offset(panel)..][..width * k];
            if columns.len() < width {
                packed.fill(0.0);
            }
            // Some inputs at a time, so that the rows being written stay in the first-level cache.
            for (block, packed) in packed.chunks_mut(PACKED_AT_ONCE * width).enumerate() {
                for (column, output) in columns.clone().enumerate() {
                    let inputs = &row(output)[..k][block * PACKED_AT_ONCE..];
                    for (slots, &weight) in packed.chunks_exact_mut(width).zip(inputs) {
                        slots[column] = weight * scale;
                    }
                }
            }
        }
        Self { isa, k, n, data }
    }

    /// Packs weights whose inputs are rows: `row(k)` has `n` values.
    pub(crate) fn pack_columns<'r>(
        isa: Isa,
        shape: PackedShape,
        row: impl Fn(usize) -> &'r [f32],
        data: &'a mut [f32],
    ) -> Self {
        let PackedShape { k, n, .. } = shape;
        for panel in 0..shape.panels() {
            let (columns, width) = (shape.columns(panel), shape.width(panel));
            let packed = &mut data[shape.offset(panel)..][..width * k];
            for (input, packed) in packed.chunks_exact_mut(width).enumerate() {
                let (present, rest) = packed.split_at_mut(columns.len());
                present.copy_from_slice(&row(input)[columns.clone()]);
                rest.fill(0.0);
            }
        }
        Self { isa, k, n, data }
    }

    pub(crate) fn shape(&self) -> PackedShape {
        PackedShape::new(self.isa, self.n, self.k)
    }

    /// Panel `index`: `k` rows of `width` values.
    pub(crate) fn panel(&self, index: usize) -> &'a [f32] {
        let shape = self.shape();
        &self.data[shape.offset(index)..][..shape.width(index) * self.k]
    }
}

/// Where the panels of a packed matrix are.
#[derive(Clone, Copy)]
pub(crate) struct PackedShape {
    pub(crate) lanes: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
}

impl PackedShape {
    pub(crate) fn new(isa: Isa, n: usize, k: usize) -> Self {
        Self { lanes: lanes(isa), k, n }
    }

    /// Values of all panels.
    pub(crate) fn packed_len(self) -> usize {
        product([self.n.div_ceil(self.lanes), self.lanes, self.k])
    }

    pub(crate) fn panels(self) -> usize {
        self.n.div_ceil(2 * self.lanes)
    }

    /// The outputs that a panel computes.
    pub(crate) fn columns(self, panel: usize) -> std::ops::Range<usize> {
        let start = panel * 2 * self.lanes;
        start..self.n.min(start + 2 * self.lanes)
    }

    /// The columns that a panel stores: one vector or two.
    pub(crate) fn width(self, panel: usize) -> usize {
        self.columns(panel).len().div_ceil(self.lanes) * self.lanes
    }

    fn offset(self, panel: usize) -> usize {
        panel * 2 * self.lanes * self.k
    }
}
