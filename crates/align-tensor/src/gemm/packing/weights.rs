//! Packing of weights.

use crate::cpu::Isa;
use crate::gemm::Word;
use crate::gemm::kernel::Kernel;
use crate::gemm::packing::descriptor::{DescriptorError, PackedDescriptor};
use crate::gemm::packing::layout::PackedLayout;
use crate::gemm::packing::panel::{pack_f32, pack_integers, pack_pairs};
use crate::gemm::packing::storage::PackedStorage;
use crate::gemm::packing::view::PackedWeightsView;
use crate::memory::AlignedBuffer;
use crate::number::quantize::quantize;
use crate::number::sizes::product;
use crate::number::{Numbers, Precision};
use std::sync::Arc;

/// Weights `[n, k]`, packed for the microkernels of one instruction set and one precision.
///
/// The packed words are owned, or lie in memory that is shared with others, such as a mapped file.
#[derive(Clone, Debug)]
pub struct PackedWeights {
    isa: Isa,
    kernel: Kernel,
    k: usize,
    n: usize,
    data: PackedStorage,
    /// What the sums of each output are multiplied by. Empty unless the weights are integers.
    scales: Vec<f32>,
}

impl PackedWeights {
    /// Packs `weights [n, k]`, row-major, as `f32`: a row for each of the `n` outputs.
    ///
    /// # Panics
    /// If `weights` does not have `n * k` values, or either size is zero.
    pub fn pack(isa: Isa, weights: &[f32], n: usize, k: usize) -> Self {
        Self::pack_as(isa, Precision::F32, weights, n, k)
    }

    /// Packs `weights [n, k]`, row-major, for products of `precision`.
    ///
    /// # Panics
    /// As [`pack`](Self::pack).
    pub fn pack_as(isa: Isa, precision: Precision, weights: &[f32], n: usize, k: usize) -> Self {
        assert_eq!(weights.len(), product([n, k]), "weights [{n}, {k}]");
        let kernel = Kernel::fastest(isa, precision);
        if precision == Precision::F32 {
            let (layout, mut data) = Self::zeroed(isa, kernel, n, k);
            let row = |r: usize| &weights[r * k..][..k];
            let words: &mut [f32] = bytemuck::cast_slice_mut(&mut data);
            PackedWeightsView::pack_rows(isa, layout, row, 1.0, words);
            return Self::new(isa, layout, data, Vec::new());
        }
        Self::pack_with(isa, kernel, n, k, |row, to| to.copy_from_slice(&weights[row * k..][..k]))
    }

    /// Packs the rows of `k` values of several tensors, one tensor after another, for products of `precision`. No tensor
    /// is widened as a whole.
    ///
    /// # Panics
    /// If a tensor does not consist of whole rows, or there are no rows.
    pub fn pack_values(isa: Isa, precision: Precision, values: &[Numbers<'_>], k: usize) -> Self {
        assert!(k > 0 && values.iter().all(|v| v.len().is_multiple_of(k)), "rows of {k} values");
        let n = values.iter().map(|values| values.len() / k).sum();
        if let [Numbers::F32(values)] = values {
            return Self::pack_as(isa, precision, values, n, k);
        }
        Self::pack_with(isa, Kernel::fastest(isa, precision), n, k, |mut row, to| {
            for values in values {
                match row.checked_sub(values.len() / k) {
                    Some(rest) => row = rest,
                    None => return values.slice(row * k..(row + 1) * k).widen(to),
                }
            }
        })
    }

    /// Packs weights one panel at a time. `read_row(row, to)` writes the `k` values of a row.
    ///
    /// # Panics
    /// If `n` or `k` is zero.
    pub(crate) fn pack_with(
        isa: Isa,
        kernel: Kernel,
        n: usize,
        k: usize,
        read_row: impl Fn(usize, &mut [f32]),
    ) -> Self {
        let (layout, mut data) = Self::zeroed(isa, kernel, n, k);
        let mut scales = Vec::new();
        let mut rows = vec![0.0; 2 * layout.lanes * k];
        for panel in 0..layout.panels() {
            let columns = layout.columns(panel);
            let rows = &mut rows[..columns.len() * k];
            for (row, output) in rows.chunks_exact_mut(k).zip(columns) {
                read_row(output, row);
            }
            let to = &mut data[layout.stored(panel)];
            let width = layout.width(panel);
            match kernel.precision {
                Precision::F32 => pack_f32(rows, k, width, to),
                Precision::Bf16 => pack_pairs::<1>(rows, k, width, to),
                Precision::Bf16x3 => pack_pairs::<2>(rows, k, width, to),
                Precision::Int8 => {
                    let mut integers = vec![0; rows.len()];
                    let rows = rows.chunks_exact(k).zip(integers.chunks_exact_mut(k));
                    scales.extend(rows.map(|(row, to)| quantize(row, to)));
                    pack_integers(&integers, k, width, to);
                }
            }
        }
        Self::new(isa, layout, data, scales)
    }

    /// Packs integers `[n, k]` of -127 to 127. The weights are each row's `scale` times its integers.
    ///
    /// # Panics
    /// If the sizes do not agree, or one is zero.
    pub(crate) fn pack_quantized(isa: Isa, integers: &[i8], scales: Vec<f32>, k: usize) -> Self {
        let n = scales.len();
        assert_eq!(integers.len(), product([n, k]), "integers [{n}, {k}]");
        let (layout, mut data) = Self::zeroed(isa, Kernel::fastest(isa, Precision::Int8), n, k);
        for panel in 0..layout.panels() {
            let columns = layout.columns(panel);
            let rows = &integers[columns.start * k..columns.end * k];
            pack_integers(rows, k, layout.width(panel), &mut data[layout.stored(panel)]);
        }
        Self::new(isa, layout, data, scales)
    }

    /// Weights that were packed before and lie in `bytes`, from byte `offset` on, as [`packed_bytes`](Self::packed_bytes)
    /// had them. `scales` are those of [`scales`](Self::scales). The memory must not change while it is in use.
    ///
    /// # Errors
    /// If the descriptor is not that of this layout on `isa`, or the bytes are too few or not on a cache line.
    pub fn from_mapped(
        isa: Isa,
        descriptor: &PackedDescriptor,
        bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
        offset: usize,
        scales: Vec<f32>,
    ) -> Result<Self, DescriptorError> {
        let layout = descriptor.check(isa)?;
        let expected = if layout.kernel.precision == Precision::Int8 { layout.n } else { 0 };
        if scales.len() != expected {
            return Err(DescriptorError::Field {
                field: "scales",
                expected: expected.to_string(),
                found: scales.len().to_string(),
            });
        }
        let PackedLayout { kernel, k, n, .. } = layout;
        let data = PackedStorage::from_mapped(bytes, offset, descriptor.words)?;
        Ok(Self { isa, kernel, k, n, data, scales })
    }

    fn zeroed(isa: Isa, kernel: Kernel, n: usize, k: usize) -> (PackedLayout, AlignedBuffer<Word>) {
        assert!(n > 0 && k > 0, "weights that are not empty");
        let layout = PackedLayout::new(isa, kernel, n, k);
        (layout, AlignedBuffer::zeroed(layout.packed_len()))
    }

    fn new(isa: Isa, layout: PackedLayout, data: AlignedBuffer<Word>, scales: Vec<f32>) -> Self {
        let PackedLayout { kernel, k, n, .. } = layout;
        Self { isa, kernel, k, n, data: PackedStorage::Owned(data), scales }
    }

    /// The instruction set that the weights are packed for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The precision that the weights are packed for.
    pub fn precision(&self) -> Precision {
        self.kernel.precision
    }

    /// Inputs: the length of the products' sums.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Outputs.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Words of 32 bits that the packed weights take.
    pub fn packed_len(&self) -> usize {
        self.data.words().len()
    }

    /// The packed weights, to be written to a file for this machine's byte order.
    pub fn packed_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(self.data.words())
    }

    /// The scale of each output. Empty unless the weights are integers.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The descriptor of the layout.
    pub fn descriptor(&self) -> PackedDescriptor {
        PackedDescriptor::from_layout(self.isa, self.view().layout())
    }

    pub(crate) fn view(&self) -> PackedWeightsView<'_> {
        let Self { isa, kernel, k, n, .. } = *self;
        PackedWeightsView { isa, kernel, k, n, data: self.data.words(), scales: &self.scales }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::{Epilogue, gemm_on_this_thread};
    use crate::memory::LINE;
    use crate::testing::values;

    /// Bytes that start on a cache line, after `offset` bytes of something else.
    struct Mapped(AlignedBuffer<Word>);

    impl AsRef<[u8]> for Mapped {
        fn as_ref(&self) -> &[u8] {
            bytemuck::cast_slice(&self.0)
        }
    }

    fn mapped(weights: &PackedWeights, gap: usize) -> Arc<Mapped> {
        let words = weights.data.words();
        let mut buffer = AlignedBuffer::zeroed(gap + words.len());
        buffer[gap..].copy_from_slice(words);
        Arc::new(Mapped(buffer))
    }

    #[test]
    fn mapped_weights_multiply_as_those_that_were_packed() {
        let (m, n, k) = (5, 45, 37);
        let (a, w) = (values(m * k, 1), values(n * k, 2));
        for (isa, precision) in
            Isa::available().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p)))
        {
            let packed = PackedWeights::pack_as(isa, precision, &w, n, k);
            let text = serde_json::to_string(&packed.descriptor()).unwrap();
            let descriptor: PackedDescriptor = serde_json::from_str(&text).unwrap();
            let (bytes, offset) = (mapped(&packed, LINE), LINE * size_of::<Word>());
            let read = PackedWeights::from_mapped(
                isa,
                &descriptor,
                bytes,
                offset,
                packed.scales().to_vec(),
            );
            let [mut expected, mut found] = [vec![0.0; m * n], vec![0.0; m * n]];
            gemm_on_this_thread(&a, &packed, Epilogue::default(), &mut expected);
            gemm_on_this_thread(&a, &read.unwrap(), Epilogue::default(), &mut found);
            assert_eq!(found, expected, "{isa:?}, {precision}");
        }
    }

    #[test]
    fn a_descriptor_that_does_not_fit_is_refused_by_the_name_of_its_field() {
        let isa = Isa::best();
        let packed = PackedWeights::pack(isa, &values(12, 1), 3, 4);
        let bytes = mapped(&packed, 0);
        let refused = |change: fn(&mut PackedDescriptor), offset: usize, scales: usize| {
            let mut descriptor = packed.descriptor();
            change(&mut descriptor);
            let scales = vec![1.0; scales];
            PackedWeights::from_mapped(isa, &descriptor, bytes.clone(), offset, scales)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(|d| d.isa = "vax".into(), 0, 0).contains("`isa` is \"vax\", expected"));
        assert!(refused(|d| d.version += 1, 0, 0).contains("`version` is 2, expected 1"));
        assert!(refused(|d| d.precision = "f8".into(), 0, 0).contains("`precision` is \"f8\""));
        assert!(refused(|d| d.unit.clear(), 0, 0).contains("`unit`"));
        assert!(refused(|d| d.panel_columns = 3, 0, 0).contains("`panel_columns` is 3"));
        assert!(refused(|d| d.steps = 5, 0, 0).contains("`steps` is 5, expected 4"));
        assert!(refused(|d| d.block_steps = 5, 0, 0).contains("`block_steps` is 5"));
        assert!(refused(|d| d.words -= 1, 0, 0).contains("`words`"));
        assert!(refused(|d| d.n = usize::MAX, 0, 0).contains("does not fit in memory"));
        assert!(refused(|d| d.k = 0, 0, 0).contains("is empty"));
        assert!(refused(|_| (), 0, 3).contains("`scales` is 3, expected 0"));
        assert!(refused(|_| (), 64, 0).contains("bytes expected from byte 64 on"));
        assert!(refused(|_| (), usize::MAX, 0).contains("found 0"));
        let shifted = mapped(&packed, 1);
        let error = PackedWeights::from_mapped(isa, &packed.descriptor(), shifted, 4, Vec::new());
        assert!(error.unwrap_err().to_string().contains("byte 4 is not on a boundary of 64 bytes"));
    }
}
