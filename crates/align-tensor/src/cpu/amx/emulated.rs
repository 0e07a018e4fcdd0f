//! Tiles emulated by scalar code, instruction by instruction.

use crate::cpu::amx::block::{BLOCK, Block, ROW, Tiles};
use crate::cpu::amx::{TILE, TILE_WORDS};

/// The emulated unit, for any CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Emulated;

/// A tile register: 16 rows of 16 words.
type Register = [[u32; TILE_WORDS]; TILE];

/// `tileloadd`.
///
/// # Safety
/// `from.add(row * stride)` must be valid for reads of 64 bytes for each of 16 rows.
unsafe fn load(from: *const u8, stride: usize) -> Register {
    // SAFETY: the caller's duty; any bits are a valid number.
    std::array::from_fn(|row| unsafe {
        from.add(row * stride).cast::<[u32; 16]>().read_unaligned()
    })
}

/// `x`, or zero of the same sign if `x` is subnormal.
///
/// Units that check before they round differ in one case: a result that rounds up to the smallest
/// normal number is zero there.
fn flushed(x: f32) -> f32 {
    if x.is_subnormal() { 0f32.copysign(x) } else { x }
}

/// `tdpbf16ps` (Intel SDM): separate sums of the pairs' first and second numbers, by multiply-adds
/// that round to nearest. Subnormal operands and results are zero.
pub(super) fn multiply_add(sums: &mut Register, a: &Register, b: &Register) {
    let number = |word: u32, half: usize| {
        flushed(f32::from_bits(if half == 0 { word << 16 } else { word & 0xffff_0000 }))
    };
    for (row, sums) in a.iter().zip(sums) {
        for (column, sum) in sums.iter_mut().enumerate() {
            let halves = [0, 1].map(|half| {
                row.iter().zip(b).fold(0.0f32, |sum, (&a, b)| {
                    flushed(number(a, half).mul_add(number(b[column], half), sum))
                })
            });
            let product = flushed(halves[0] + halves[1]);
            *sum = flushed(flushed(f32::from_bits(*sum)) + product).to_bits();
        }
    }
}

impl Tiles for Emulated {
    unsafe fn multiply(self, block: Block) {
        let Block { steps, a, a_stride, a_low, b, sums, adds, .. } = block;
        let b_stride = if a_low.is_some() { 2 * ROW } else { ROW };
        // SAFETY: if the block `adds`, the caller provides 32 x 32 values to read.
        let quarter = |row: usize, column: usize| unsafe {
            load(sums.add((row * BLOCK + column) * TILE).cast(), ROW)
        };
        let mut c = [[[[0; TILE_WORDS]; TILE]; 2]; 2];
        if adds {
            c = [0, 1].map(|row| [0, 1].map(|column| quarter(row, column)));
        }
        for step in 0..steps {
            // SAFETY: the caller's duties cover these rows and bytes.
            let a = |tile: usize, low: usize| unsafe {
                load(a.add(tile * TILE * a_stride + 64 * step + low), a_stride)
            };
            // SAFETY: as before.
            let b = |tile: usize, low: usize| unsafe {
                load(b.add(step * TILE * b_stride + 64 * tile + low), b_stride)
            };
            let products: &[(usize, usize)] = match a_low {
                None => &[(0, 0)],
                Some(low) => &[(low, 0), (0, 0), (0, ROW)],
            };
            for &(a_low, b_low) in products {
                for (row, c) in c.iter_mut().enumerate() {
                    for (column, c) in c.iter_mut().enumerate() {
                        multiply_add(c, &a(row, a_low), &b(column, b_low));
                    }
                }
            }
        }
        for row in 0..BLOCK {
            for column in 0..BLOCK {
                let x = c[row / TILE][column / TILE][row % TILE][column % TILE];
                // SAFETY: the caller provides 32 x 32 values to write.
                unsafe { *sums.add(row * BLOCK + column) = f32::from_bits(x) };
            }
        }
    }

    fn configured<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }
}
