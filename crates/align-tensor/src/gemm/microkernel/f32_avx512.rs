//! The tile of `f32` on AVX-512, in assembly.
//!
//! A step along `k` of a full tile has 28 multiply-adds and 16 loads: 14 cycles of a CPU with two 512-bit units, if nothing
//! else takes an issue slot. The compiler recomputes the address of each row in each step. If steps are unrolled, it keeps a
//! pointer for each of the 14 rows, which are more than there are registers, or it loads for several steps at once and
//! spills the sums (`benches/TRIED.md` has the cost of each). So the loop is written in assembly. Every row is at one of
//! three pointers plus 0, 1, 2, 3 or 4 strides, which an address can hold without arithmetic, and four steps share the
//! loop's overhead.
//!
//! Registers: sums in `zmm0` to `zmm27`, row by row; a step's columns in `zmm28` and `zmm29`; broadcasts in `zmm30` and
//! `zmm31` in turn.

use super::tile::Tile;
use crate::cpu::simd::avx512::Avx512;
use std::arch::asm;

/// Values of a vector.
const LANES: usize = 16;

/// [`Tile::compute`] for products of `f32` and one block.
///
/// # Safety
/// As for [`Tile::compute`].
pub(super) unsafe fn multiply_f32(_proof: Avx512, tile: Tile) {
    let lhs = tile.lhs.wrapping_add(tile.first_step);
    let panel = tile.panel.wrapping_add(tile.first_step * tile.width);
    let from_first_step = Tile { lhs, panel, ..tile };
    // SAFETY: `_proof` proves AVX-512; the caller's duties.
    unsafe {
        match tile.width {
            LANES => one_vector(from_first_step),
            _ => two_vectors(from_first_step),
        }
    }
}

/// The address of a row: one of three pointers plus a number of strides.
#[rustfmt::skip]
macro_rules! address {
    (0) => { "{a}" };  (1) => { "{a} + {s}" };  (2) => { "{a} + 2*{s}" };  (3) => { "{a} + {s3}" };  (4) => { "{a} + 4*{s}" };
    (5) => { "{b}" };  (6) => { "{b} + {s}" };  (7) => { "{b} + 2*{s}" };  (8) => { "{b} + {s3}" };  (9) => { "{b} + 4*{s}" };
    (10) => { "{c}" }; (11) => { "{c} + {s}" }; (12) => { "{c} + 2*{s}" }; (13) => { "{c} + {s3}" };
}

/// One row of a step: a broadcast, and a multiply-add for each vector of columns.
macro_rules! row {
    ($offset:literal, $row:tt, $x:literal, $sum0:literal) => {
        concat!(
            "vbroadcastss ",
            $x,
            ", dword ptr [",
            address!($row),
            " + ",
            $offset,
            "]\n",
            "vfmadd231ps zmm",
            $sum0,
            ", zmm28, ",
            $x,
            "\n",
        )
    };
    ($offset:literal, $row:tt, $x:literal, $sum0:literal, $sum1:literal) => {
        concat!(row!($offset, $row, $x, $sum0), "vfmadd231ps zmm", $sum1, ", zmm29, ", $x, "\n",)
    };
}

/// The whole tile: clears the sums, multiplies four steps at a time and the rest one by one, adds the earlier sums if these
/// are not the first steps, and stores. `$lines` is the number of vectors of columns. Each row has its number, the register
/// of its broadcast, and the numbers of its sums.
macro_rules! tile {
    (
        $tile:ident, $lines:tt,
        [$($row:tt $x:literal $($sum:literal)+;)*]
    ) => {
        asm!(
            $($(concat!("vpxord zmm", $sum, ", zmm", $sum, ", zmm", $sum),)+)*
            "# Few rows leave {s} and {s3} out.",
            "sub {steps}, 4",
            "jb 3f",
            // Four steps at a time.
            "2:",
            "prefetcht1 byte ptr [{fetch}]",
            "add {fetch}, {pace}",
            columns!($lines, 0),
            $(row!("0", $row, $x, $($sum),+),)*
            "prefetcht1 byte ptr [{fetch}]",
            "add {fetch}, {pace}",
            columns!($lines, 1),
            $(row!("4", $row, $x, $($sum),+),)*
            "prefetcht1 byte ptr [{fetch}]",
            "add {fetch}, {pace}",
            columns!($lines, 2),
            $(row!("8", $row, $x, $($sum),+),)*
            "prefetcht1 byte ptr [{fetch}]",
            "add {fetch}, {pace}",
            columns!($lines, 3),
            $(row!("12", $row, $x, $($sum),+),)*
            "add {a}, 16",
            "add {b}, 16",
            "add {c}, 16",
            concat!("add {panel}, 4*64*", $lines),
            "sub {steps}, 4",
            "jae 2b",
            // Then one at a time.
            "3:",
            "add {steps}, 4",
            "jz 5f",
            "4:",
            columns!($lines, 0),
            $(row!("0", $row, $x, $($sum),+),)*
            "add {a}, 4",
            "add {b}, 4",
            "add {c}, 4",
            concat!("add {panel}, 64*", $lines),
            "dec {steps}",
            "jnz 4b",
            "5:",
            "test {first}, {first}",
            "jz 6f",
            $($(concat!("vaddps zmm", $sum, ", zmm", $sum, ", zmmword ptr [{sums} + 64*", $sum, "]"),)+)*
            "6:",
            $($(concat!("vmovups zmmword ptr [{sums} + 64*", $sum, "], zmm", $sum),)+)*
            a = inout(reg) $tile.lhs => _,
            b = inout(reg) $tile.lhs.wrapping_add(5 * $tile.lhs_stride) => _,
            c = inout(reg) $tile.lhs.wrapping_add(10 * $tile.lhs_stride) => _,
            s = in(reg) 4 * $tile.lhs_stride,
            s3 = in(reg) 12 * $tile.lhs_stride,
            panel = inout(reg) $tile.panel => _,
            fetch = inout(reg) $tile.fetch.from => _,
            pace = in(reg) $tile.fetch.pace,
            steps = inout(reg) $tile.steps => _,
            sums = in(reg) $tile.sums,
            first = in(reg) $tile.first_step,
            out("zmm0") _, out("zmm1") _, out("zmm2") _, out("zmm3") _,
            out("zmm4") _, out("zmm5") _, out("zmm6") _, out("zmm7") _,
            out("zmm8") _, out("zmm9") _, out("zmm10") _, out("zmm11") _,
            out("zmm12") _, out("zmm13") _, out("zmm14") _, out("zmm15") _,
            out("zmm16") _, out("zmm17") _, out("zmm18") _, out("zmm19") _,
            out("zmm20") _, out("zmm21") _, out("zmm22") _, out("zmm23") _,
            out("zmm24") _, out("zmm25") _, out("zmm26") _, out("zmm27") _,
            out("zmm28") _, out("zmm29") _, out("zmm30") _, out("zmm31") _,
            options(nostack),
        )
    };
}

/// Loads the columns of the step `$ahead` steps on, and prefetches those 4096 bytes further into the L1 cache. If there are
/// few rows, a step takes less time than memory does, and the panel is followed by the next one.
#[rustfmt::skip]
macro_rules! columns {
    (1, $ahead:literal) => {
        concat!(
            "prefetcht0 byte ptr [{panel} + 64*", $ahead, " + 4096]\n",
            "vmovups zmm28, zmmword ptr [{panel} + 64*", $ahead, "]\n",
        )
    };
    (2, $ahead:literal) => {
        concat!(
            "prefetcht0 byte ptr [{panel} + 128*", $ahead, " + 4096]\n",
            "prefetcht0 byte ptr [{panel} + 128*", $ahead, " + 4160]\n",
            "vmovups zmm28, zmmword ptr [{panel} + 128*", $ahead, "]\n",
            "vmovups zmm29, zmmword ptr [{panel} + 128*", $ahead, " + 64]\n",
        )
    };
}

/// Calls `$tile!` with the first `$rows` of the listed rows. The number in front of a row counts the rows up to it.
macro_rules! by_height {
    ($rows:expr, $tile:ident, [$($before:tt)*], $height:literal { $($row:tt)* } $($rest:tt)*) => {
        if $rows == $height {
            $tile!($($before)* $($row)*)
        } else {
            by_height!($rows, $tile, [$($before)* $($row)*], $($rest)*)
        }
    };
    ($rows:expr, $tile:ident, [$($all:tt)*],) => {
        unreachable!("a tile has between 1 and 14 rows")
    };
}

/// The tile of a panel of one vector.
///
/// # Safety
/// As for [`multiply_f32`], but `lhs` and `panel` point to the first of the steps. The CPU must have AVX-512.
#[rustfmt::skip]
#[target_feature(enable = "avx512f")]
#[inline(never)]
unsafe fn one_vector(tile: Tile) {
    macro_rules! of_rows {
        ($($row:tt $x:literal $sum:literal;)*) => {
            tile!(tile, 1, [$($row $x $sum;)*])
        };
    }
    // SAFETY: loads read `steps` values of each row (a row's address is `lhs` plus `row` strides) and `steps` vectors of
    // the panel. Prefetches read nothing. Stores write `rows` vectors of the sums, which are read only if there were
    // steps before (`Tile::compute`).
    unsafe { by_height!(tile.rows, of_rows, [],
        1 { 0 "zmm30" 0; }
        2 { 1 "zmm31" 1; }
        3 { 2 "zmm30" 2; }
        4 { 3 "zmm31" 3; }
        5 { 4 "zmm30" 4; }
        6 { 5 "zmm31" 5; }
        7 { 6 "zmm30" 6; }
        8 { 7 "zmm31" 7; }
        9 { 8 "zmm30" 8; }
        10 { 9 "zmm31" 9; }
        11 { 10 "zmm30" 10; }
        12 { 11 "zmm31" 11; }
        13 { 12 "zmm30" 12; }
        14 { 13 "zmm31" 13; }
    ) }
}

/// The tile of a panel of two vectors.
///
/// # Safety
/// As for [`one_vector`].
#[rustfmt::skip]
#[target_feature(enable = "avx512f")]
#[inline(never)]
unsafe fn two_vectors(tile: Tile) {
    macro_rules! of_rows {
        ($($row:tt $x:literal $sum0:literal $sum1:literal;)*) => {
            tile!(tile, 2, [$($row $x $sum0 $sum1;)*])
        };
    }
    // SAFETY: as in `one_vector`, with two vectors of columns and of sums for each row.
    unsafe { by_height!(tile.rows, of_rows, [],
        1 { 0 "zmm30" 0 1; }
        2 { 1 "zmm31" 2 3; }
        3 { 2 "zmm30" 4 5; }
        4 { 3 "zmm31" 6 7; }
        5 { 4 "zmm30" 8 9; }
        6 { 5 "zmm31" 10 11; }
        7 { 6 "zmm30" 12 13; }
        8 { 7 "zmm31" 14 15; }
        9 { 8 "zmm30" 16 17; }
        10 { 9 "zmm31" 18 19; }
        11 { 10 "zmm30" 20 21; }
        12 { 11 "zmm31" 22 23; }
        13 { 12 "zmm30" 24 25; }
        14 { 13 "zmm31" 26 27; }
    ) }
}
