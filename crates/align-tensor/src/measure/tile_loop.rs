//! The loop over `k` alone, on operands that lie as a benchmark wants them.

use crate::cpu::amx::block::{BLOCK, Block, Tiles};
use crate::cpu::amx::{Amx, TILE};
use crate::cpu::prefetch::Fetch;
use crate::cpu::{Isa, IsaName};
use crate::memory::AlignedBuffer;
use crate::number::bf16;

/// Times that [`TileLoop::run`] goes over everything: configuring the tiles costs little beside it.
const PASSES: usize = 64;

/// Bytes of a word.
const WORD: usize = size_of::<f32>();

/// What a [`TileLoop`] multiplies: `32 * row_blocks` rows by 32 columns, two tiles by two at a time.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct TileLayout {
    /// Inputs: a multiple of 32.
    pub k: usize,
    /// Blocks of 32 rows that meet the same columns, one after another.
    pub row_blocks: usize,
    /// Numbers in two parts, and three products for each.
    pub three_products: bool,
    /// Bytes from a cache line to where the rows on the left begin: a multiple of 4.
    pub left_offset: usize,
    /// Bytes from a cache line to where the columns begin: a multiple of 4.
    pub columns_offset: usize,
    /// Bytes between the rows on the left: a multiple of 4.
    pub gap: usize,
}

impl TileLayout {
    /// `32 * row_blocks` rows of `k` bf16 numbers, all on cache lines and without gaps.
    pub fn new(k: usize, row_blocks: usize) -> Self {
        let three_products = false;
        Self { k, row_blocks, three_products, left_offset: 0, columns_offset: 0, gap: 0 }
    }

    fn parts(self) -> usize {
        if self.three_products { 2 } else { 1 }
    }

    /// Bytes of a part of a row on the left.
    fn part(self) -> usize {
        2 * self.k
    }

    /// Bytes from row to row on the left.
    fn stride(self) -> usize {
        self.parts() * self.part() + self.gap
    }

    fn rows(self) -> usize {
        BLOCK * self.row_blocks
    }
}

/// The tile kernel on rows and columns of its own, for benchmarks.
#[doc(hidden)]
pub struct TileLoop {
    amx: Amx,
    operands: Operands,
}

impl TileLoop {
    /// None where `isa` has no tiles.
    ///
    /// # Panics
    /// Where a size is not a multiple of what [`TileLayout`] says, or there is nothing to multiply.
    pub fn new(isa: Isa, layout: TileLayout) -> Option<Self> {
        let amx = (isa.name() == IsaName::Amx).then(Amx::detect).flatten()?;
        Some(Self { amx, operands: Operands::new(layout) })
    }

    /// The floating-point operations of a [`run`](Self::run): two for each product of the result.
    pub fn flops(&self) -> usize {
        let TileLayout { k, .. } = self.operands.layout;
        2 * self.operands.layout.rows() * BLOCK * k * PASSES
    }

    /// Multiplies everything, again and again.
    pub fn run(&mut self) {
        let Self { amx, operands } = self;
        amx.configured(|| {
            for _ in 0..PASSES {
                operands.multiply(*amx);
            }
        });
    }
}

struct Operands {
    layout: TileLayout,
    left: AlignedBuffer<f32>,
    columns: AlignedBuffer<f32>,
    /// Of the block that was multiplied last.
    sums: AlignedBuffer<f32>,
}

impl Operands {
    fn new(layout: TileLayout) -> Self {
        let TileLayout { k, left_offset, columns_offset, gap, .. } = layout;
        assert!(k.is_multiple_of(2 * TILE) && k > 0 && layout.row_blocks > 0, "whole tiles");
        assert!([left_offset, columns_offset, gap].iter().all(|bytes| bytes.is_multiple_of(WORD)));
        let columns = k / 2 * BLOCK * layout.parts();
        Self {
            layout,
            left: numbers(left_offset / WORD + layout.rows() * layout.stride() / WORD),
            columns: numbers(columns_offset / WORD + columns),
            sums: AlignedBuffer::zeroed(BLOCK * BLOCK),
        }
    }

    #[inline(always)]
    fn multiply<T: Tiles>(&mut self, tiles: T) {
        let Self { layout, left, columns, sums } = self;
        for block in 0..layout.row_blocks {
            // SAFETY: behind their offset, `left` has `row_blocks` times 32 rows of `stride` bytes, each with
            // its parts, and `columns` `k / 2 = 16 * steps` rows of 128 bytes for each part (`new`); `sums`
            // is a block. Who has real tiles has configured them (`TileLoop::run`).
            unsafe {
                let first = layout.left_offset + block * BLOCK * layout.stride();
                tiles.multiply(Block {
                    steps: layout.k / (2 * TILE),
                    a: left.as_ptr().cast::<u8>().add(first),
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

/// Pairs of small integers in bf16, whose products and sums are exact.
fn numbers(words: usize) -> AlignedBuffer<f32> {
    let mut buffer = AlignedBuffer::<f32>::zeroed(words);
    let half = |index: usize| u32::from(bf16::round((index * 11 % 15) as f32 - 7.0));
    for (index, word) in buffer.iter_mut().enumerate() {
        *word = f32::from_bits(half(2 * index) | half(2 * index + 1) << 16);
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::amx::block::ROW;
    use crate::cpu::amx::emulated::Emulated;

    /// The last block, by its definition.
    fn expected(operands: &Operands) -> Vec<f32> {
        let layout = operands.layout;
        let number = |buffer: &AlignedBuffer<f32>, byte: usize| {
            let word = buffer[byte / WORD].to_bits();
            bf16::widen((word >> (8 * (byte % WORD))) as u16)
        };
        let first = layout.left_offset + (layout.rows() - BLOCK) * layout.stride();
        let left = |row: usize, k: usize, part: usize| {
            number(&operands.left, first + row * layout.stride() + part * layout.part() + 2 * k)
        };
        let columns = |k: usize, column: usize, part: usize| {
            let row = (k / 2 * layout.parts() + part) * ROW;
            number(&operands.columns, layout.columns_offset + row + column * WORD + k % 2 * 2)
        };
        let terms: &[_] = if layout.three_products { &[(0, 0), (0, 1), (1, 0)] } else { &[(0, 0)] };
        let sum = |row, column| {
            (0..layout.k)
                .flat_map(|k| {
                    terms.iter().map(move |&(a, b)| left(row, k, a) * columns(k, column, b))
                })
                .sum()
        };
        (0..BLOCK * BLOCK).map(|index| sum(index / BLOCK, index % BLOCK)).collect()
    }

    #[test]
    fn every_layout_multiplies_its_operands() {
        let plain = TileLayout::new(96, 2);
        let layouts = [
            plain,
            TileLayout { left_offset: 16, ..plain },
            TileLayout { columns_offset: 16, ..plain },
            TileLayout { gap: 64, ..plain },
            TileLayout { three_products: true, ..plain },
            TileLayout { three_products: true, left_offset: 4, columns_offset: 8, gap: 4, ..plain },
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
