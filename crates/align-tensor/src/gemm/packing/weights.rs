//! The layout of packed weights.
//!
//! `W^T [k, n]` is cut into panels of `2 * LANES` columns; a panel holds its rows one after
//! another, so a microkernel reads it from front to back. The last panel is one vector wide
//! where that is enough (but for tiles); columns behind `n` are zero. A row of a panel is a step along `k`: see
//! [`kernel`](super::kernel).
//!
//! | precision | a row of a panel |
//! |---|---|
//! | `f32` | a value of each column |
//! | `bf16` | a pair of values of each column: its words' lower halves are of even `k` |
//! | `bf16x3` | the pairs of all columns' high parts, then of their low parts |
//! | `int8` | a pair of values of each column, 8 bits each |
//!
//! An odd `k` has a zero behind it; for tiles, `k` has zeros behind it up to a multiple of 32.

use crate::cpu::Isa;
use crate::cpu::simd::{MAX_LANES, Op, Simd};
use crate::gemm::kernel::Kernel;
use crate::load::checkpoint::TensorValues;
use crate::memory::AlignedBuffer;
use crate::number::quantize::quantize;
use crate::number::sizes::product;
use crate::number::{Precision, bf16};
use std::ops::Range;

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

/// Weights `[n, k]`, packed for the microkernels of one instruction set and one precision.
#[derive(Clone, Debug)]
pub struct PackedMatrix {
    isa: Isa,
    kernel: Kernel,
    k: usize,
    n: usize,
    data: AlignedBuffer<f32>,
    /// What the sums of each output are multiplied by; empty but for integers.
    scales: Vec<f32>,
}

impl PackedMatrix {
    /// Packs `weights [n, k]`, row-major, as `f32`: a row for each of the `n` outputs.
    ///
    /// # Panics
    /// Where `weights` has not `n * k` values, or either is zero.
    pub fn pack(isa: Isa, weights: &[f32], n: usize, k: usize) -> Self {
        Self::pack_as(isa, Precision::F32, weights, n, k)
    }

    /// Packs `weights [n, k]`, row-major, for products of `precision`.
    ///
    /// # Panics
    /// As [`pack`](Self::pack).
    pub fn pack_as(isa: Isa, precision: Precision, weights: &[f32], n: usize, k: usize) -> Self {
        assert_eq!(weights.len(), product([n, k]), "weights [{n}, {k}]");
        let kernel = Kernel::new(isa, precision);
        if precision == Precision::F32 {
            let mut packed = Self::zeroed(isa, kernel, n, k);
            let shape = packed.shape();
            PackedView::pack_rows(isa, shape, |r| &weights[r * k..][..k], 1.0, &mut packed.data);
            return packed;
        }
        Self::pack_with(isa, kernel, n, k, |row, to| to.copy_from_slice(&weights[row * k..][..k]))
    }

    /// Packs weights of rows of `k` values, those of each of `values` behind those before, for
    /// products of `precision`. Nothing is widened as a whole.
    ///
    /// # Panics
    /// Where they are no whole rows, or there are none.
    pub fn pack_values(
        isa: Isa,
        precision: Precision,
        values: &[TensorValues<'_>],
        k: usize,
    ) -> Self {
        assert!(k > 0 && values.iter().all(|v| v.len().is_multiple_of(k)), "rows of {k} values");
        let n = values.iter().map(|values| values.len() / k).sum();
        if let [TensorValues::F32(values)] = values {
            return Self::pack_as(isa, precision, values, n, k);
        }
        Self::pack_with(isa, Kernel::new(isa, precision), n, k, |mut row, to| {
            for values in values {
                match row.checked_sub(values.len() / k) {
                    Some(behind) => row = behind,
                    None => return values.widen(row * k, to),
                }
            }
        })
    }

    /// Packs weights whose rows of `k` values `read_row(row, to)` writes, a panel at a time.
    ///
    /// # Panics
    /// Where `n` or `k` is zero.
    pub(crate) fn pack_with(
        isa: Isa,
        kernel: Kernel,
        n: usize,
        k: usize,
        read_row: impl Fn(usize, &mut [f32]),
    ) -> Self {
        let mut packed = Self::zeroed(isa, kernel, n, k);
        let shape = packed.shape();
        let mut rows = vec![0.0; 2 * shape.lanes * k];
        for panel in 0..shape.panels() {
            let columns = shape.columns(panel);
            let rows = &mut rows[..columns.len() * k];
            for (row, output) in rows.chunks_exact_mut(k).zip(columns) {
                read_row(output, row);
            }
            let to = &mut packed.data[shape.stored(panel)];
            let width = shape.width(panel);
            match kernel.precision {
                Precision::F32 => {
                    for (column, row) in rows.chunks_exact(k).enumerate() {
                        to.chunks_exact_mut(width).zip(row).for_each(|(to, &x)| to[column] = x);
                    }
                }
                Precision::Bf16 => pack_pairs::<1>(rows, k, width, to),
                Precision::Bf16x3 => pack_pairs::<2>(rows, k, width, to),
                Precision::Int8 => {
                    let mut integers = vec![0; rows.len()];
                    let rows = rows.chunks_exact(k).zip(integers.chunks_exact_mut(k));
                    packed.scales.extend(rows.map(|(row, to)| quantize(row, to)));
                    pack_integers(&integers, k, width, to);
                }
            }
        }
        packed
    }

    /// Packs integers `[n, k]` of -127 to 127, each row's `scale` times which are the weights.
    ///
    /// # Panics
    /// Where the sizes do not agree, or one is zero.
    pub(crate) fn pack_quantized(isa: Isa, integers: &[i8], scales: Vec<f32>, k: usize) -> Self {
        let n = scales.len();
        assert_eq!(integers.len(), product([n, k]), "integers [{n}, {k}]");
        let mut packed = Self::zeroed(isa, Kernel::new(isa, Precision::Int8), n, k);
        let shape = packed.shape();
        for panel in 0..shape.panels() {
            let columns = shape.columns(panel);
            let rows = &integers[columns.start * k..columns.end * k];
            pack_integers(rows, k, shape.width(panel), &mut packed.data[shape.stored(panel)]);
        }
        Self { scales, ..packed }
    }

    fn zeroed(isa: Isa, kernel: Kernel, n: usize, k: usize) -> Self {
        assert!(n > 0 && k > 0, "weights that are not empty");
        let len = PackedShape::of(isa, kernel, n, k).packed_len();
        Self { isa, kernel, k, n, data: AlignedBuffer::zeroed(len), scales: Vec::new() }
    }

    /// The instruction set it is packed for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The precision it is packed for.
    pub fn precision(&self) -> Precision {
        self.kernel.precision
    }

    /// The length of the products' sums.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The outputs.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The words of 32 bits that it takes.
    pub fn packed_len(&self) -> usize {
        self.data.len()
    }

    /// The packed values alone.
    pub(crate) fn into_data(self) -> AlignedBuffer<f32> {
        self.data
    }

    pub(crate) fn view(&self) -> PackedView<'_> {
        let Self { isa, kernel, k, n, .. } = *self;
        PackedView { isa, kernel, k, n, data: &self.data, scales: &self.scales }
    }

    fn shape(&self) -> PackedShape {
        PackedShape::of(self.isa, self.kernel, self.n, self.k)
    }
}

/// Packs `rows [columns, k]` as pairs of bf16 numbers, each value in `PARTS` parts. Columns that
/// are not there keep their zeros.
fn pack_pairs<const PARTS: usize>(rows: &[f32], k: usize, width: usize, to: &mut [f32]) {
    let words: &mut [u32] = bytemuck::cast_slice_mut(to);
    let halves = |x: f32| if PARTS == 1 { [bf16::round(x), 0] } else { bf16::split(x) };
    // Some inputs at a time, so that the rows being written stay in the first-level cache.
    for (block, words) in words.chunks_mut(PACKED_AT_ONCE / 2 * PARTS * width).enumerate() {
        for (column, row) in rows.chunks_exact(k).enumerate() {
            let pairs = row[block * PACKED_AT_ONCE..].chunks(2);
            for (slots, pair) in words.chunks_exact_mut(PARTS * width).zip(pairs) {
                let first = halves(pair[0]);
                let second = halves(pair.get(1).copied().unwrap_or(0.0));
                for part in 0..PARTS {
                    slots[part * width + column] =
                        u32::from(first[part]) | u32::from(second[part]) << 16;
                }
            }
        }
    }
}

/// Packs `rows [columns, k]` as pairs of integers. Columns that are not there keep their zeros.
fn pack_integers(rows: &[i8], k: usize, width: usize, to: &mut [f32]) {
    let slots: &mut [[i8; 2]] = bytemuck::cast_slice_mut(to);
    for (block, slots) in slots.chunks_mut(PACKED_AT_ONCE / 2 * width).enumerate() {
        for (column, row) in rows.chunks_exact(k).enumerate() {
            let pairs = row[block * PACKED_AT_ONCE..].chunks(2);
            for (slots, pair) in slots.chunks_exact_mut(width).zip(pairs) {
                slots[column] = [pair[0], pair.get(1).copied().unwrap_or(0)];
            }
        }
    }
}

/// Widens a panel of integers to bf16, which holds them exactly: `to` is what
/// [`Kernel::panel_len`] says.
#[inline(always)]
pub(crate) fn widen_integers(panel: &[f32], to: &mut [f32]) {
    let integers: &[i8] = bytemuck::cast_slice(panel);
    let halves: &mut [u16] = bytemuck::cast_slice_mut(to);
    for (half, &integer) in halves.iter_mut().zip(integers) {
        *half = (f32::from(integer).to_bits() >> 16) as u16;
    }
}

/// Borrowed packed weights, as kernels take them: `k` is not zero, and every panel of `n` columns
/// lies within the data.
#[derive(Clone, Copy)]
pub struct PackedView<'a> {
    pub(crate) isa: Isa,
    pub(crate) kernel: Kernel,
    pub(crate) k: usize,
    pub(crate) n: usize,
    data: &'a [f32],
    /// For each output, or empty.
    pub(crate) scales: &'a [f32],
}

impl<'a> From<&'a PackedMatrix> for PackedView<'a> {
    fn from(matrix: &'a PackedMatrix) -> Self {
        matrix.view()
    }
}

impl<'a> PackedView<'a> {
    /// Packs `f32` weights whose outputs are rows: `row(n)` has `k` values; each is multiplied by
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
            let packed = &mut data[shape.stored(panel)];
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
        Self { isa, kernel: Kernel::F32, k, n, data, scales: &[] }
    }

    /// Packs `f32` weights whose inputs are rows: `row(k)` has `n` values.
    pub(crate) fn pack_columns<'r>(
        isa: Isa,
        shape: PackedShape,
        row: impl Fn(usize) -> &'r [f32],
        data: &'a mut [f32],
    ) -> Self {
        let PackedShape { k, n, .. } = shape;
        for panel in 0..shape.panels() {
            let (columns, width) = (shape.columns(panel), shape.width(panel));
            let packed = &mut data[shape.stored(panel)];
            for (input, packed) in packed.chunks_exact_mut(width).enumerate() {
                let (present, rest) = packed.split_at_mut(columns.len());
                present.copy_from_slice(&row(input)[columns.clone()]);
                rest.fill(0.0);
            }
        }
        Self { isa, kernel: Kernel::F32, k, n, data, scales: &[] }
    }

    pub(crate) fn shape(&self) -> PackedShape {
        PackedShape::of(self.isa, self.kernel, self.n, self.k)
    }

    /// Panel `index`, as it is stored.
    pub(crate) fn panel(&self, index: usize) -> &'a [f32] {
        &self.data[self.shape().stored(index)]
    }

    /// Some of its rows.
    pub(crate) fn panel_rows(&self, index: usize, rows: Range<usize>) -> &'a [f32] {
        let panel = self.panel(index);
        let row = panel.len() / self.kernel.steps(self.k);
        &panel[rows.start * row..rows.end * row]
    }
}

/// Where the panels of a packed matrix are.
#[derive(Clone, Copy)]
pub(crate) struct PackedShape {
    pub(crate) lanes: usize,
    kernel: Kernel,
    pub(crate) k: usize,
    pub(crate) n: usize,
}

impl PackedShape {
    /// For `f32`.
    pub(crate) fn new(isa: Isa, n: usize, k: usize) -> Self {
        Self::of(isa, Kernel::F32, n, k)
    }

    pub(crate) fn of(isa: Isa, kernel: Kernel, n: usize, k: usize) -> Self {
        Self { lanes: lanes(isa), kernel, k, n }
    }

    /// Words of all panels.
    pub(crate) fn packed_len(self) -> usize {
        // Checked, and more than any panel takes in any precision.
        let (columns, inputs) = (2 * self.lanes, 2 * MAX_LANES);
        product([self.n.div_ceil(columns), columns, self.k.div_ceil(inputs), inputs]);
        self.panels().checked_sub(1).map_or(0, |last| self.stored(last).end)
    }

    pub(crate) fn panels(self) -> usize {
        self.n.div_ceil(2 * self.lanes)
    }

    /// The outputs that a panel computes.
    pub(crate) fn columns(self, panel: usize) -> Range<usize> {
        let start = panel * 2 * self.lanes;
        start..self.n.min(start + 2 * self.lanes)
    }

    /// The columns that a panel stores: one vector or two; for tiles, two.
    pub(crate) fn width(self, panel: usize) -> usize {
        match self.kernel.unit.is_tiles() {
            true => 2 * self.lanes,
            false => self.columns(panel).len().div_ceil(self.lanes) * self.lanes,
        }
    }

    /// Where a panel is stored.
    fn stored(self, panel: usize) -> Range<usize> {
        let start = panel * self.kernel.stored_len(self.k, 2 * self.lanes);
        start..start + self.kernel.stored_len(self.k, self.width(panel))
    }
}
