//! Packed weights as kernels take them.

use crate::cpu::Isa;
use crate::gemm::Word;
use crate::gemm::kernel::Kernel;
use crate::gemm::packing::layout::PackedLayout;
use crate::gemm::packing::panel::PACKED_AT_ONCE;
use crate::gemm::packing::weights::PackedWeights;
use std::fmt;
use std::ops::Range;

/// Borrowed packed weights. `k` is not zero, and every panel of `n` columns lies within the data.
#[derive(Clone, Copy)]
pub struct PackedWeightsView<'a> {
    pub(crate) isa: Isa,
    pub(crate) kernel: Kernel,
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(super) data: &'a [Word],
    /// A scale for each output, or empty.
    pub(crate) scales: &'a [f32],
}

impl<'a> From<&'a PackedWeights> for PackedWeightsView<'a> {
    fn from(weights: &'a PackedWeights) -> Self {
        weights.view()
    }
}

impl<'a> PackedWeightsView<'a> {
    /// Packs `f32` weights whose outputs are rows: `row(n)` has `k` values. Each value is multiplied by `scale`.
    pub(crate) fn pack_rows<'r>(
        isa: Isa,
        layout: PackedLayout,
        row: impl Fn(usize) -> &'r [f32],
        scale: f32,
        data: &'a mut [f32],
    ) -> Self {
        for panel in 0..layout.panels() {
            let (columns, width) = (layout.columns(panel), layout.width(panel));
            let packed = &mut data[layout.stored(panel)];
            if columns.len() < width {
                packed.fill(0.0);
            }
            for (block, packed) in packed.chunks_mut(PACKED_AT_ONCE * width).enumerate() {
                for (column, output) in columns.clone().enumerate() {
                    let inputs = &row(output)[..layout.k][block * PACKED_AT_ONCE..];
                    for (slots, &weight) in packed.chunks_exact_mut(width).zip(inputs) {
                        slots[column] = weight * scale;
                    }
                }
            }
        }
        Self::from_f32(isa, layout, data)
    }

    /// Packs `f32` weights whose inputs are rows: `row(k)` has `n` values.
    pub(crate) fn pack_columns<'r>(
        isa: Isa,
        layout: PackedLayout,
        row: impl Fn(usize) -> &'r [f32],
        data: &'a mut [f32],
    ) -> Self {
        for panel in 0..layout.panels() {
            let (columns, width) = (layout.columns(panel), layout.width(panel));
            let packed = &mut data[layout.stored(panel)];
            for (input, packed) in packed.chunks_exact_mut(width).enumerate() {
                let (present, rest) = packed.split_at_mut(columns.len());
                present.copy_from_slice(&row(input)[columns.clone()]);
                rest.fill(0.0);
            }
        }
        Self::from_f32(isa, layout, data)
    }

    fn from_f32(isa: Isa, layout: PackedLayout, data: &'a [f32]) -> Self {
        let PackedLayout { k, n, .. } = layout;
        Self { isa, kernel: Kernel::F32, k, n, data: bytemuck::cast_slice(data), scales: &[] }
    }

    pub(crate) fn layout(&self) -> PackedLayout {
        PackedLayout::new(self.isa, self.kernel, self.n, self.k)
    }

    /// Panel `index`, as it is stored.
    pub(crate) fn panel(&self, index: usize) -> &'a [Word] {
        &self.data[self.layout().stored(index)]
    }

    /// A range of the steps of panel `index`.
    pub(crate) fn panel_steps(&self, index: usize, steps: Range<usize>) -> &'a [Word] {
        let panel = self.panel(index);
        let step = panel.len() / self.kernel.steps(self.k);
        &panel[steps.start * step..steps.end * step]
    }
}

impl fmt::Debug for PackedWeightsView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { isa, kernel, k, n, .. } = self;
        write!(f, "PackedWeightsView([{n}, {k}], {}, {isa:?})", kernel.precision)
    }
}
