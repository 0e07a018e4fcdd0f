//! The tile on any instruction set: one loop over the steps, for each height and width.

#[cfg(target_arch = "x86_64")]
use super::step::Pairs;
use super::step::{Fma, Step, Widened};
use super::tile::Tile;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512_bf16::{Avx512Bf16, Bf16Op};
use crate::cpu::simd::{Op, Simd, prefetch};

/// Rows of a full tile: accumulators of two vectors for each row, two vectors of columns and the lhs of a step must fit in
/// the registers.
pub(super) const fn registers_rows<S: Simd, P: Step<S>>() -> usize {
    let rows = S::REGISTERS.saturating_sub(2 * P::RHS_REGISTERS + P::LHS_REGISTERS) / 2;
    if rows == 0 { 1 } else { rows }
}

/// A [`Tile`] whose maker has taken on the duties of [`Tile::compute`].
pub(super) struct CheckedTile<P> {
    pub(super) tile: Tile,
    pub(super) step: P,
}

impl<P> CheckedTile<P> {
    #[inline(always)]
    fn run_on<S: Simd>(self, s: S)
    where
        P: Step<S>,
    {
        // SAFETY: the duties of `Tile::compute`, which alone makes this type.
        unsafe {
            if self.tile.width == S::LANES {
                tile_of_width::<S, P, 1>(s, self.step, self.tile);
            } else {
                tile_of_width::<S, P, 2>(s, self.step, self.tile);
            }
        }
    }
}

impl Op for CheckedTile<Fma> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.run_on(s);
    }
}

impl<const PARTS: usize> Op for CheckedTile<Widened<PARTS>> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.run_on(s);
    }
}

#[cfg(target_arch = "x86_64")]
impl<const PARTS: usize> Bf16Op for CheckedTile<Pairs<PARTS>> {
    #[inline(always)]
    fn run(self, _: Avx512Bf16, s: Avx512) {
        self.run_on(s);
    }
}

/// A tile of a panel of `NV` vectors.
///
/// # Safety
/// As for [`Tile::compute`], with `width` `NV * S::LANES`.
#[inline(always)]
unsafe fn tile_of_width<S: Simd, P: Step<S>, const NV: usize>(s: S, step: P, tile: Tile) {
    macro_rules! by_height {
        ($($height:literal)*) => {
            match tile.rows {
                $($height if $height <= registers_rows::<S, P>() => {
                    // SAFETY: the caller's duties for `rows` rows, and this is their number.
                    unsafe { tile_of_size::<S, P, $height, NV>(s, step, tile) }
                })*
                _ => unreachable!("a tile has between 1 and {} rows", registers_rows::<S, P>()),
            }
        };
    }
    by_height!(1 2 3 4 5 6 7 8 9 10 11 12 13 14)
}

/// A tile of `MR` rows of a panel of `NV` vectors.
///
/// # Safety
/// As for [`Tile::compute`], with `rows` `MR` and `width` `NV * S::LANES`.
#[inline(always)]
unsafe fn tile_of_size<S: Simd, P: Step<S>, const MR: usize, const NV: usize>(
    s: S,
    step: P,
    tile: Tile,
) {
    let Tile { first_step, steps, lhs, lhs_stride, lhs_part_len, panel, fetch, sums, .. } = tile;
    let pitch = NV * S::LANES;
    let mut acc = [[s.zero(); NV]; MR];
    for index in first_step..first_step + steps {
        prefetch(fetch.at(index - first_step));
        // SAFETY: `index` is within the panel's steps, each of `PARTS` times `NV` vectors.
        let mut columns = unsafe {
            let at = panel.add(index * P::PARTS * pitch);
            [step.load_rhs(s, at, pitch); NV]
        };
        for (v, columns) in columns.iter_mut().enumerate().skip(1) {
            // SAFETY: as before.
            *columns = unsafe {
                step.load_rhs(s, panel.add(index * P::PARTS * pitch + v * S::LANES), pitch)
            };
        }
        for (row, acc) in acc.iter_mut().enumerate() {
            // SAFETY: `row < MR`, and the row has more than `index` steps.
            let a = unsafe { step.load_lhs(s, lhs.add(row * lhs_stride), lhs_part_len, index) };
            for (acc, &columns) in acc.iter_mut().zip(&columns) {
                *acc = step.multiply_add(s, a, columns, *acc);
            }
        }
    }
    for (row, acc) in acc.iter().enumerate() {
        for (v, &acc) in acc.iter().enumerate() {
            // SAFETY: `row < MR` and `v < NV`, so this vector lies within `sums`, which the caller has written if there
            // were steps before.
            unsafe {
                let sum = sums.add((row * NV + v) * S::LANES);
                let acc = if first_step == 0 { acc } else { s.add(s.load(sum), acc) };
                s.store(sum, acc);
            }
        }
    }
}
