//! Products of blocks: two tiles of rows by two tiles of columns, over `k` or a part of it.
//!
//! `sums[32, 32] (+)= a[32, k] * b[k, 32]`. Four tiles of sums stay in registers. For `bf16`, each step
//! of 32 values of `k` loads four tiles and multiplies four times. For `bf16x3`, it loads eight tiles
//! and multiplies twelve times: `low * high`, `high * high`, `high * low`.

use crate::cpu::amx::{Amx, TILE, TILE_WORDS};
use crate::cpu::prefetch::Fetch;

/// Rows and columns of a block.
pub(crate) const BLOCK: usize = 2 * TILE;

/// A block to be computed.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    /// Number of steps of 32 values of `k`; not zero.
    pub(crate) steps: usize,
    /// bf16 numbers `[32, 32 * steps]`.
    pub(crate) a: *const u8,
    /// Bytes from row to row.
    pub(crate) a_stride: usize,
    /// Bytes from a row's high parts to its low parts, if it has any.
    pub(crate) a_low: Option<usize>,
    /// Pairs of bf16 numbers `[16 * steps, 32]`, without gaps. In a row, the low parts follow the high
    /// parts.
    pub(crate) b: *const u8,
    /// `[32, 32]`, without gaps.
    pub(crate) sums: *mut f32,
    /// Whether the product is added to the content of `sums`.
    pub(crate) adds: bool,
    /// Prefetches: 16 of its steps for each step along `k`.
    pub(crate) fetch: Fetch,
}

/// Bytes of 32 words: from the high parts of a row of `b` to its low parts, and from row to row of
/// the sums.
pub(crate) const ROW: usize = 4 * BLOCK;

/// A unit that computes blocks.
pub(crate) trait Tiles: Copy {
    /// Computes a block.
    ///
    /// # Safety
    /// - `a.add(row * a_stride)` must be valid for reads of `64 * steps` bytes for each of 32 rows.
    ///   If there are low parts, the same holds `a_low` bytes after it.
    /// - `b` must be valid for reads of `16 * steps` rows of 128 bytes; of 256 if there are low parts.
    /// - `sums` must be valid for writes of 32 x 32 values, and for reads if the block `adds`.
    /// - The thread must be within [`Tiles::configured`].
    unsafe fn multiply(self, block: Block);

    /// Runs `work` on this thread with the tiles configured, and releases them.
    fn configured<R>(self, work: impl FnOnce() -> R) -> R;
}

/// The configuration of the tiles (Intel SDM, `LDTILECFG`): palette 1, all eight of 16 rows of 64
/// bytes.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 8],
    reserved_tiles: [u16; 8],
    rows: [u8; 8],
    reserved_rows: [u8; 8],
}

static CONFIGURATION: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_per_row: [64; 8],
    reserved_tiles: [0; 8],
    rows: [TILE as u8; 8],
    reserved_rows: [0; 8],
};

const _: () = assert!(size_of::<Configuration>() == 64);

impl Amx {
    /// Runs four chains of `steps` tile products, whose operands stay in registers, and writes the sums of
    /// the last chain. Every pair is `(1/2, 1/2)`, so a step adds exactly 8 to each sum. `steps` is not
    /// zero.
    ///
    /// # Safety
    /// The thread must be within [`Tiles::configured`].
    pub(crate) unsafe fn run_chains(self, steps: usize, sums: &mut [[f32; TILE]; TILE]) {
        debug_assert!(steps > 0);
        /// Pairs of halves.
        static OPERAND: [[u32; TILE_WORDS]; TILE] = [[0x3f00_3f00; TILE_WORDS]; TILE];
        // SAFETY: `self` proves the instructions, and the caller has configured the tiles. The loads read
        // the 16 rows of 64 bytes of `OPERAND`, and the store writes those of `sums`. Every tile is
        // written before it is read.
        unsafe {
            std::arch::asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "tileloadd tmm4, [{operand} + {stride}*1]",
                "tileloadd tmm5, [{operand} + {stride}*1]",
                "2:",
                "tdpbf16ps tmm0, tmm4, tmm5",
                "tdpbf16ps tmm1, tmm4, tmm5",
                "tdpbf16ps tmm2, tmm4, tmm5",
                "tdpbf16ps tmm3, tmm4, tmm5",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{sums} + {stride}*1], tmm3",
                operand = in(reg) OPERAND.as_ptr(),
                sums = in(reg) sums.as_mut_ptr(),
                stride = in(reg) 4 * TILE_WORDS,
                steps = inout(reg) steps => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _,
                options(nostack),
            );
        }
    }
}

/// Loads the sums into the four tiles if `{adds}` is set; else zeroes the tiles.
macro_rules! begin {
    ($row:literal) => {
        concat!(
            "test {adds:e}, {adds:e}\n",
            "jz 3f\n",
            "tileloadd tmm0, [{sums} + ",
            $row,
            "*1]\n",
            "tileloadd tmm1, [{sums} + ",
            $row,
            "*1 + 64]\n",
            "tileloadd tmm2, [{sums} + ",
            $row,
            "*1 + 16*128]\n",
            "tileloadd tmm3, [{sums} + ",
            $row,
            "*1 + 16*128 + 64]\n",
            "jmp 2f\n",
            "3:\n",
            "tilezero tmm0\n",
            "tilezero tmm1\n",
            "tilezero tmm2\n",
            "tilezero tmm3\n",
        )
    };
}

/// Writes the four tiles of sums.
macro_rules! end {
    ($row:literal) => {
        concat!(
            "tilestored [{sums} + ",
            $row,
            "*1], tmm0\n",
            "tilestored [{sums} + ",
            $row,
            "*1 + 64], tmm1\n",
            "tilestored [{sums} + ",
            $row,
            "*1 + 16*128], tmm2\n",
            "tilestored [{sums} + ",
            $row,
            "*1 + 16*128 + 64], tmm3\n",
        )
    };
}

/// Four of the 16 prefetches of a step.
macro_rules! fetch_four {
    () => {
        concat!(fetch_four!(two), fetch_four!(two))
    };
    (two) => {
        concat!(fetch_four!(one), fetch_four!(one))
    };
    (one) => {
        "prefetcht1 byte ptr [{fetch}]\nadd {fetch}, {pace}\n"
    };
}

impl Tiles for Amx {
    // All kernels share this code, so it is called rather than inlined.
    #[inline(never)]
    unsafe fn multiply(self, block: Block) {
        let Block { steps, a, a_stride, a_low, b, sums, adds, fetch } = block;
        // SAFETY: `self` proves the instructions, and the caller has configured the tiles, so every
        // load reads 16 rows of 64 bytes. Those of `a` start `64 * step` bytes into the first 16 rows
        // and into the 16 after them. Those of `b` start at row `16 * step`, with two tiles of columns
        // in a row and the low parts `ROW` bytes later. The caller's duties cover all of these. Loads
        // and stores of sums are of the four quarters of `sums`. Prefetches read nothing. The tile
        // registers in use are written before they are read, within one block of assembly.
        unsafe {
            match a_low {
                None => std::arch::asm!(
                    begin!("{row}"),
                    "2:",
                    "tileloadd tmm4, [{a0} + {a_stride}*1]",
                    "tileloadd tmm6, [{b} + {row}*1]",
                    fetch_four!(),
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tileloadd tmm7, [{b} + {row}*1 + 64]",
                    fetch_four!(),
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    "tileloadd tmm5, [{a1} + {a_stride}*1]",
                    fetch_four!(),
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    fetch_four!(),
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    "add {a0}, 64",
                    "add {a1}, 64",
                    "add {b}, 16*128",
                    "dec {steps}",
                    "jnz 2b",
                    end!("{row}"),
                    a0 = inout(reg) a => _,
                    a1 = inout(reg) a.wrapping_add(TILE * a_stride) => _,
                    a_stride = in(reg) a_stride,
                    b = inout(reg) b => _,
                    row = in(reg) ROW,
                    steps = inout(reg) steps => _,
                    sums = in(reg) sums,
                    adds = in(reg) u32::from(adds),
                    fetch = inout(reg) fetch.from => _,
                    pace = in(reg) fetch.pace,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                ),
                Some(a_low) => std::arch::asm!(
                    "mov {t:e}, 128",
                    begin!("{t}"),
                    "2:",
                    // low * high
                    "lea {t}, [{a0} + {a_low}]",
                    "tileloadd tmm4, [{t} + {a_stride}*1]",
                    "tileloadd tmm6, [{b} + {b_stride}*1]",
                    fetch_four!(),
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tileloadd tmm7, [{b} + {b_stride}*1 + 64]",
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    "lea {t}, [{a1} + {a_low}]",
                    "tileloadd tmm5, [{t} + {a_stride}*1]",
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    // high * high
                    "tileloadd tmm4, [{a0} + {a_stride}*1]",
                    fetch_four!(),
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    "tileloadd tmm5, [{a1} + {a_stride}*1]",
                    fetch_four!(),
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    // high * low
                    "tileloadd tmm6, [{b} + {b_stride}*1 + 128]",
                    fetch_four!(),
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tileloadd tmm7, [{b} + {b_stride}*1 + 192]",
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    "add {a0}, 64",
                    "add {a1}, 64",
                    "add {b}, 16*256",
                    "dec {steps}",
                    "jnz 2b",
                    "mov {t:e}, 128",
                    end!("{t}"),
                    a0 = inout(reg) a => _,
                    a1 = inout(reg) a.wrapping_add(TILE * a_stride) => _,
                    a_stride = in(reg) a_stride,
                    a_low = in(reg) a_low,
                    b = inout(reg) b => _,
                    b_stride = in(reg) 2 * ROW,
                    steps = inout(reg) steps => _,
                    sums = in(reg) sums,
                    adds = in(reg) u32::from(adds),
                    fetch = inout(reg) fetch.from => _,
                    pace = in(reg) fetch.pace,
                    t = out(reg) _,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                ),
            }
        }
    }

    #[inline(always)]
    fn configured<R>(self, work: impl FnOnce() -> R) -> R {
        /// Releases the tiles, also after a panic, so that the system need not save them.
        struct Release;
        impl Drop for Release {
            fn drop(&mut self) {
                // SAFETY: made only below, where `self` proves the instruction.
                unsafe { std::arch::asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
            }
        }
        // SAFETY: `self` proves the instruction and the system's permission. Every CPU whose palette 1
        // has these sizes, which `detect` has checked, accepts the configuration.
        unsafe {
            std::arch::asm!(
                "ldtilecfg [{}]",
                in(reg) &raw const CONFIGURATION,
                options(readonly, nostack, preserves_flags),
            );
        }
        let _release = Release;
        work()
    }
}
