//! The microkernel: one tile of the product, in registers.
//!
//! `sums[r, c] = sum over k of lhs[r, k] * panel[k, c]` for up to 14 rows (the number that the registers hold) and the
//! columns of a panel. Each step along `k` loads one or two vectors of the panel and broadcasts a value of each row: every
//! load of the panel serves all rows, and every broadcast all columns.
//!
//! - [`tile`]: the operands.
//! - [`step`]: the arithmetic of one step, for each precision.
//! - [`generic`]: the tile on any instruction set.
//! - `f32_avx512`: the tile of `f32` on AVX-512, in assembly.
//!
//! This file chooses among them.

#[cfg(target_arch = "x86_64")]
mod f32_avx512;
mod generic;
mod step;
mod tile;

#[cfg(target_arch = "x86_64")]
use self::f32_avx512::multiply_f32;
use self::generic::{CheckedTile, registers_rows};
#[cfg(target_arch = "x86_64")]
use self::step::Pairs;
use self::step::{Fma, Widened};
pub(crate) use self::tile::{MAX_TILE, Tile};
use crate::cpu::Isa;
#[cfg(target_arch = "x86_64")]
use crate::cpu::amx::TILE;
#[cfg(target_arch = "x86_64")]
use crate::cpu::amx::block::{BLOCK, Block, Tiles};
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512::Avx512;
use crate::cpu::simd::{Op, Simd};
use crate::cpu::unit::Unit;
use crate::gemm::Word;
use crate::gemm::kernel::Kernel;
use crate::number::Precision;

/// Rows of a full tile of a kernel on `isa`.
pub(crate) fn max_tile_rows(kernel: Kernel, isa: Isa) -> usize {
    struct MaxRows(Kernel);
    impl Op for MaxRows {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            max_rows::<S>(self.0)
        }
    }
    isa.dispatch(MaxRows(kernel))
}

/// Rows of a full tile of a kernel.
pub(crate) fn max_rows<S: Simd>(kernel: Kernel) -> usize {
    match (kernel.precision, kernel.unit) {
        (Precision::F32, _) => registers_rows::<S, Fma>(),
        (Precision::Bf16x3, Unit::Fma) => registers_rows::<S, Widened<2>>(),
        (_, Unit::Fma) => registers_rows::<S, Widened<1>>(),
        #[cfg(target_arch = "x86_64")]
        (Precision::Bf16x3, Unit::Pairs(_)) => registers_rows::<Avx512, Pairs<2>>(),
        #[cfg(target_arch = "x86_64")]
        (_, Unit::Pairs(_)) => registers_rows::<Avx512, Pairs<1>>(),
        #[cfg(target_arch = "x86_64")]
        _ => BLOCK,
    }
}

impl Tile {
    /// Computes the steps.
    ///
    /// # Safety
    /// - `lhs.add(r * lhs_stride)` must be valid for reads of a row in the form of
    ///   [`LhsPacking`](crate::gemm::packing::lhs::LhsPacking) for `kernel` for every `r < rows`, of
    ///   `first_step + steps` steps.
    /// - `panel` must be valid for reads of `first_step + steps` steps of `parts * width` words (`kernel.parts()`), `sums`
    ///   for writes of `rows * width` values and, if `first_step` is not zero, for reads of them.
    /// - `width` must be `S::LANES` or `2 * S::LANES`, `rows` in `1..=max_rows::<S>(kernel)`, and `steps` not zero.
    /// - `kernel` must be one of `S`'s own instruction set.
    /// - If its unit is AMX, rows must be readable, and `sums` as above, for 32 rows whatever `rows` is; `width` must be
    ///   32, `first_step` and `steps` multiples of 16, and the call within [`Unit::ready`].
    #[inline(always)]
    pub(crate) unsafe fn compute<S: Simd>(self, s: S, kernel: Kernel) {
        for block in kernel.blocks(self.steps) {
            let (first_step, steps) = (self.first_step + block.start, block.len());
            let fetch = self.fetch.after(block.start);
            // SAFETY: the caller's duties. The block is within the steps, and the blocks before it have written the sums.
            unsafe { Self { first_step, steps, fetch, ..self }.compute_block(s, kernel) };
        }
    }

    /// Computes the steps, which are one block.
    ///
    /// # Safety
    /// As for [`compute`](Self::compute).
    #[inline(always)]
    unsafe fn compute_block<S: Simd>(self, s: S, kernel: Kernel) {
        // The code is long and the same for every caller, so it is called and not inlined.
        match (kernel.precision, kernel.unit) {
            #[cfg(target_arch = "x86_64")]
            (Precision::F32, _) if let Some(avx512) = s.avx512() => {
                // SAFETY: the caller's duties.
                unsafe { multiply_f32(avx512, self) };
            }
            (Precision::F32, _) => s.outline(CheckedTile { tile: self, step: Fma }),
            (Precision::Bf16x3, Unit::Fma) => {
                s.outline(CheckedTile { tile: self, step: Widened::<2> });
            }
            (_, Unit::Fma) => s.outline(CheckedTile { tile: self, step: Widened::<1> }),
            #[cfg(target_arch = "x86_64")]
            (Precision::Bf16x3, Unit::Pairs(unit)) => {
                unit.outline(CheckedTile { tile: self, step: Pairs::<2>(unit) });
            }
            #[cfg(target_arch = "x86_64")]
            (_, Unit::Pairs(unit)) => {
                unit.outline(CheckedTile { tile: self, step: Pairs::<1>(unit) });
            }
            // SAFETY: the caller's duties, which for AMX include whole blocks of rows, columns and steps, and that the
            // unit is ready.
            #[cfg(target_arch = "x86_64")]
            (_, Unit::Tiles(amx)) => unsafe { amx.multiply(self.amx_block(kernel)) },
            // SAFETY: as before.
            #[cfg(all(test, target_arch = "x86_64"))]
            (_, Unit::EmulatedTiles(tiles)) => unsafe { tiles.multiply(self.amx_block(kernel)) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Tile {
    /// The tile as a block of AMX tiles.
    fn amx_block(self, kernel: Kernel) -> Block {
        let whole = self.first_step.is_multiple_of(TILE) && self.steps.is_multiple_of(TILE);
        debug_assert!(self.width == BLOCK && whole);
        let word = size_of::<Word>();
        Block {
            steps: self.steps / TILE,
            a: self.lhs.wrapping_add(self.first_step).cast(),
            a_stride: self.lhs_stride * word,
            a_low: (kernel.parts() == 2).then_some(self.lhs_part_len * word),
            b: self.panel.wrapping_add(self.first_step * kernel.parts() * self.width).cast(),
            sums: self.sums,
            adds: self.first_step > 0,
            fetch: self.fetch,
        }
    }
}
