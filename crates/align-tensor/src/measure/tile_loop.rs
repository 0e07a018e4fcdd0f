//! The loop of tile products over `k`, on operands whose placement a benchmark chooses.

use crate::cpu::amx::block::{BLOCK, Block, Tiles};
use crate::cpu::amx::{Amx, TILE};
use crate::cpu::prefetch::Fetch;
use crate::cpu::{Isa, IsaName};
use crate::memory::AlignedBuffer;
use half::bf16;

/// Passes of one [`TileLoop::run`]. Compared with this many, configuring the tiles costs little.
const PASSES: usize = 64;

/// Bytes of a word.
const WORD: usize = size_of::<Pair>();

/// The operands of a [`TileLoop`]: `32 * row_blocks` rows times 32 columns, in blocks of two by two
/// tiles.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct TileLayout {
    /// Length of the sums: a multiple of 32.
    pub k: usize,
    /// Blocks of 32 rows, which are multiplied by the same columns one after another.
    pub row_blocks: usize,
    /// Whether numbers have two parts, with three products for each product (`bf16x3`).
    pub three_products: bool,
    /// Offset in bytes of the lhs rows from a cache line: a multiple of 4.
    pub lhs_offset: usize,
    /// Offset in bytes of the columns from a cache line: a multiple of 4.
    pub columns_offset: usize,
    /// Bytes between two lhs rows: a multiple of 4.
    pub gap: usize,
}

impl TileLayout {
    /// `32 * row_blocks` rows of `k` bf16 numbers, aligned to cache lines and without gaps.
    pub fn new(k: usize, row_blocks: usize) -> Self {
        let three_products = false;
        Self { k, row_blocks, three_products, lhs_offset: 0, columns_offset: 0, gap: 0 }
    }

    fn parts(self) -> usize {
        if self.three_products { 2 } else { 1 }
    }

    /// Bytes of one part of an lhs row.
    fn part(self) -> usize {
        2 * self.k
    }

    /// Bytes from one lhs row to the next.
    fn stride(self) -> usize {
        self.parts() * self.part() + self.gap
    }

    fn rows(self) -> usize {
        BLOCK * self.row_blocks
    }
}

/// The tile kernel with its own operands, for benchmarks.
#[doc(hidden)]
#[derive(Debug)]
pub struct TileLoop {
    amx: Amx,
    operands: Operands,
}

impl TileLoop {
    /// A loop over operands in this layout. None if `isa` has no tiles.
    ///
    /// # Panics
    /// If a size is not the multiple that [`TileLayout`] requires, or is zero.
    pub fn new(isa: Isa, layout: TileLayout) -> Option<Self> {
        let amx = (isa.name() == IsaName::Amx).then(Amx::detect).flatten()?;
        Some(Self { amx, operands: Operands::new(layout) })
    }

    /// The floating-point operations of one [`run`](Self::run): two for each product of the result.
    pub fn flops(&self) -> usize {
        let TileLayout { k, .. } = self.operands.layout;
        2 * self.operands.layout.rows() * BLOCK * k * PASSES
    }

    /// Multiplies all operands in several passes.
    pub fn run(&mut self) {
        let Self { amx, operands } = self;
        amx.configured(|| {
            for _ in 0..PASSES {
                operands.multiply(*amx);
            }
        });
    }
}

/// A word that holds two bf16 numbers.
type Pair = [bf16; 2];

#[derive(Debug)]
struct Operands {
    layout: TileLayout,
    lhs: AlignedBuffer<Pair>,
    columns: AlignedBuffer<Pair>,
    /// The sums of the last block.
    sums: AlignedBuffer<f32>,
}

impl Operands {
    fn new(layout: TileLayout) -> Self {
        let TileLayout { k, lhs_offset, columns_offset, gap, .. } = layout;
        assert!(k.is_multiple_of(2 * TILE) && k > 0 && layout.row_blocks > 0, "whole tiles");
        assert!([lhs_offset, columns_offset, gap].iter().all(|bytes| bytes.is_multiple_of(WORD)));
        let columns = k / 2 * BLOCK * layout.parts();
        Self {
            layout,
            lhs: pairs(lhs_offset / WORD + layout.rows() * layout.stride() / WORD),
            columns: pairs(columns_offset / WORD + columns),
            sums: AlignedBuffer::zeroed(BLOCK * BLOCK),
        }
    }

    #[inline(always)]
    fn multiply<T: Tiles>(&mut self, tiles: T) {
        let Self { layout, lhs, columns, sums } = self;
        for block in 0..layout.row_blocks {
            // SAFETY: `new` allocates the operands. After its offset, `lhs` has `32 * row_blocks` rows of
            // `stride` bytes with all parts, and `columns` has `k / 2 = 16 * steps` rows of 128 bytes for
            // each part. `sums` is a block. `TileLoop::run` has configured the tiles.
            unsafe {
                let first = layout.lhs_offset + block * BLOCK * layout.stride();
                tiles.multiply(Block {
                    steps: layout.k / (2 * TILE),
                    a: lhs.as_ptr().cast::<u8>().add(first),
                    a_stride: layout.stride(),
                    a_low: layout.three_products.then_some(layout.part()),
                    b: columns.as_ptr().cast::<u8>().add(layout.columns_offset),
                    sums: sums.as_mut_ptr(),
                    adds: false,
                    fetch: Fetch::NOTHING,
                });
            }
        }
    }
}

/// Pairs of small integers, whose products and sums are exact.
fn pairs(count: usize) -> AlignedBuffer<Pair> {
    let mut pairs = AlignedBuffer::zeroed(count);
    for (index, number) in pairs.as_flattened_mut().iter_mut().enumerate() {
        *number = bf16::from_f32((index * 11 % 15) as f32 - 7.0);
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::amx::block::ROW;
    use crate::cpu::amx::emulated::Emulated;

    /// The sums of the last block, from the definition of the product.
    fn expected(operands: &Operands) -> Vec<f32> {
        let layout = operands.layout;
        let number =
            |pairs: &[Pair], byte: usize| pairs.as_flattened()[byte / size_of::<bf16>()].to_f32();
        let first = layout.lhs_offset + (layout.rows() - BLOCK) * layout.stride();
        let lhs = |row: usize, k: usize, part: usize| {
            number(&operands.lhs, first + row * layout.stride() + part * layout.part() + 2 * k)
        };
        let columns = |k: usize, column: usize, part: usize| {
            let row = (k / 2 * layout.parts() + part) * ROW;
            number(&operands.columns, layout.columns_offset + row + column * WORD + k % 2 * 2)
        };
        let terms: &[_] = if layout.three_products { &[(0, 0), (0, 1), (1, 0)] } else { &[(0, 0)] };
        let sum = |row, column| {
            (0..layout.k)
                .flat_map(|k| {
                    terms.iter().map(move |&(a, b)| lhs(row, k, a) * columns(k, column, b))
                })
                .sum()
        };
        (0..BLOCK * BLOCK).map(|index| sum(index / BLOCK, index % BLOCK)).collect()
    }

    #[test]
    fn operands_of_every_layout_are_multiplied() {
        let plain = TileLayout::new(96, 2);
        let layouts = [
            plain,
            TileLayout { lhs_offset: 16, ..plain },
            TileLayout { columns_offset: 16, ..plain },
            TileLayout { gap: 64, ..plain },
            TileLayout { three_products: true, ..plain },
            TileLayout { three_products: true, lhs_offset: 4, columns_offset: 8, gap: 4, ..plain },
        ];
        for layout in layouts {
            let mut operands = Operands::new(layout);
            operands.multiply(Emulated);
            assert_eq!(operands.sums[..], expected(&operands), "{layout:?}");
            let Some(amx) = Amx::detect() else { continue };
            amx.configured(|| operands.multiply(amx));
            assert_eq!(operands.sums[..], expected(&operands), "{layout:?}");
        }
    }
}
