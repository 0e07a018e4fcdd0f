//! One product whose sizes have been checked.

use crate::gemm::Word;
use crate::gemm::destination::SharedOutput;
use crate::gemm::epilogue::Epilogue;
use crate::gemm::matrix::{Lhs, LhsRows, Output};
use crate::gemm::microkernel::max_tile_rows;
use crate::gemm::packing::lhs::LhsPacking;
use crate::gemm::packing::view::PackedWeightsView;
use crate::gemm::row_tiles::{RowTiles, row_tiles};
use crate::number::NumberFormat;
use crate::number::sizes::product;
use std::ops::Range;

/// The fewest values that are packed once for all tasks of the same rows. Each task packs fewer values sooner than the team
/// comes together.
const MIN_SHARED_VALUES: usize = 64 << 10;

/// A product `C[m, n] = act(A[m, k] * W[n, k]^T + bias) + residual`.
pub(super) struct Problem<'a> {
    pub(super) lhs: Lhs<'a>,
    pub(super) weights: PackedWeightsView<'a>,
    pub(super) epilogue: Epilogue<'a>,
    pub(super) output: SharedOutput<'a>,
    /// Values from row to row of the output and of the residual.
    pub(super) pitch: usize,
    pub(super) m: usize,
    pub(super) tiles: RowTiles,
    /// All rows of the lhs, packed, if tasks share them.
    pub(super) packed_lhs: Option<&'a [Word]>,
}

impl<'a> Problem<'a> {
    /// # Panics
    /// If the sizes do not agree, if the lhs or the output is neither in `f32` nor in bf16, or if the precision is `f32`
    /// and the rows are stored in bf16 or scaled by groups.
    pub(super) fn new(
        lhs: Lhs<'a>,
        weights: PackedWeightsView<'a>,
        epilogue: Epilogue<'a>,
        output: Output<'a>,
    ) -> Self {
        let (k, n) = (weights.k, weights.n);
        let (lhs_pitch, pitch) = (lhs.pitch(k), output.pitch(n));
        assert!(lhs_pitch >= k && pitch >= n, "rows that do not overlap");
        assert!(n > 0 && output.rows.len().is_multiple_of(pitch), "c has rows of {pitch} values");
        let m = output.rows.len() / pitch;
        assert_eq!(lhs.rows.len(), product([m, lhs_pitch]), "a [{m}, {lhs_pitch}]");
        let format = lhs.rows.format();
        let is_readable = matches!(format, NumberFormat::F32 | NumberFormat::Bf16);
        assert!(is_readable, "lhs in {format:?}: expected F32 or Bf16");
        let is_f32 = LhsPacking::new(weights.kernel, k).is_identity();
        assert!(!is_f32 || format == NumberFormat::F32, "products of f32 read f32");
        if !lhs.scales.is_empty() {
            let groups = lhs.scales.len() / k;
            assert!(groups == 1 || !is_f32, "one group");
            assert!(lhs.scales.len() == groups * k && m.is_multiple_of(groups), "scales of groups");
        }
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == n), "a bias for each output");
        let residual = epilogue.residual;
        assert!(residual.is_none_or(|r| r.len() == output.rows.len()), "a residual each");
        let tiles = row_tiles(m, max_tile_rows(weights.kernel, weights.isa));
        let output = SharedOutput::new(output.rows);
        Self { lhs, weights, epilogue, output, pitch, m, tiles, packed_lhs: None }
    }

    /// The form of the rows that the kernel reads.
    pub(super) fn lhs_packing(&self) -> LhsPacking {
        LhsPacking::new(self.weights.kernel, self.weights.k)
    }

    /// A range of the rows of the lhs.
    pub(super) fn lhs_rows(&self, rows: &Range<usize>) -> LhsRows<'a> {
        self.lhs.rows_of(rows, self.m, self.weights.k)
    }

    /// The first row and the words from one row to the next, if the kernel can read the rows in place.
    pub(super) fn lhs_in_place(&self) -> Option<(*const Word, usize)> {
        self.lhs_packing().in_place(self.lhs_rows(&(0..self.m)))
    }

    /// Number of leading tiles whose rows can be read in place. AMX always reads 32 rows, so the last tiles qualify only
    /// if 32 rows remain.
    pub(super) fn tiles_in_place(&self) -> usize {
        let PackedWeightsView { kernel, isa, .. } = self.weights;
        let count = self.tiles.count();
        match self.lhs_in_place() {
            None => 0,
            Some(_) if !kernel.unit.is_tiles() => count,
            Some(_) => {
                let height = max_tile_rows(kernel, isa);
                let fits = |&tile: &usize| self.tiles.rows(tile).start + height <= self.m;
                (0..count).take_while(fits).count()
            }
        }
    }

    /// Words of all packed rows, if it pays to pack them in a phase of their own; else zero.
    pub(super) fn shared_lhs_len(&self) -> usize {
        let is_shared =
            self.lhs_in_place().is_none() && self.m * self.weights.k > MIN_SHARED_VALUES;
        if is_shared { self.lhs_packing().len(self.m) } else { 0 }
    }
}
