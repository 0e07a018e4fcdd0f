//! A tile of the product, in registers.
//!
//! `sums[r, c] = sum over k of a[r, k] * panel[k, c]` for up to 14 rows (as many as the
//! registers hold) and the columns of a panel. In each step along `k` the panel gives one or two
//! vectors and each row of `a` a broadcast value: every load of the panel feeds all rows, and every
//! broadcast all columns. What a step multiplies is a [`Product`]'s affair.

#[cfg(target_arch = "x86_64")]
mod f32_avx512;
mod step;

#[cfg(target_arch = "x86_64")]
use self::step::Pairs;
use self::step::{Fma, Product, Widened};
#[cfg(target_arch = "x86_64")]
use crate::cpu::amx::TILE;
#[cfg(target_arch = "x86_64")]
use crate::cpu::amx::block::{BLOCK, Block, Tiles};
use crate::cpu::prefetch::Fetch;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512_bf16::{Avx512Bf16, Bf16Op};
use crate::cpu::simd::{MAX_LANES, Op, Simd, prefetch};
use crate::cpu::unit::Unit;
use crate::gemm::kernel::Kernel;
use crate::number::Precision;

/// The values of the largest tile: two tiles of AMX by two.
pub(crate) const MAX_TILE: usize = 2 * MAX_LANES * 2 * MAX_LANES;

/// The rows of a full tile of a kernel.
pub(crate) fn max_rows<S: Simd>(kernel: Kernel) -> usize {
    match (kernel.precision, kernel.unit) {
        (Precision::F32, _) => rows_of::<S, Fma>(),
        (Precision::Bf16x3, Unit::Fma) => rows_of::<S, Widened<2>>(),
        (_, Unit::Fma) => rows_of::<S, Widened<1>>(),
        #[cfg(target_arch = "x86_64")]
        (Precision::Bf16x3, Unit::Pairs(_)) => rows_of::<Avx512, Pairs<2>>(),
        #[cfg(target_arch = "x86_64")]
        (_, Unit::Pairs(_)) => rows_of::<Avx512, Pairs<1>>(),
        #[cfg(target_arch = "x86_64")]
        _ => BLOCK,
    }
}

/// The rows of a full tile of a product: accumulators of two vectors for each row, two vectors of
/// columns and a step of a row must fit in the registers.
const fn rows_of<S: Simd, P: Product<S>>() -> usize {
    let rows = S::REGISTERS.saturating_sub(2 * P::COLUMN_REGISTERS + P::LEFT_REGISTERS) / 2;
    if rows == 0 { 1 } else { rows }
}

/// Some steps of a tile to be computed: `sums[rows, width]` from `rows` rows that start at `a`, `stride`
/// words apart, and a panel; `sums` has rows of `width` values, which a first step is written to and
/// a later one added to. A word is an `f32` or, in its bits, what the kernel makes of one.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(crate) rows: usize,
    /// The first of the steps, and their number: all, or one of [`Kernel::blocks`].
    pub(crate) first: usize,
    pub(crate) steps: usize,
    pub(crate) width: usize,
    pub(crate) a: *const f32,
    pub(crate) stride: usize,
    /// Words from a row's high parts to its low ones.
    pub(crate) low: usize,
    pub(crate) panel: *const f32,
    /// What will be read next.
    pub(crate) fetch: Fetch,
    pub(crate) sums: *mut f32,
}

impl Tile {
    /// Computes the steps.
    ///
    /// # Safety
    /// - `a.add(r * stride)` must be valid for reads of a row in the form of
    ///   [`Left`](super::Left) for `kernel` for every `r < rows`, of `first + steps` steps.
    /// - `panel` must be valid for reads of the `first + steps` rows of `parts * width` words
    ///   (`kernel.parts()`), `sums` for writes of `rows * width` and, where `first` is not zero, for
    ///   reads of as many.
    /// - `width` must be `S::LANES` or `2 * S::LANES`, `rows` in `1..=max_rows::<S>(kernel)`, and
    ///   `steps` not zero.
    /// - `kernel` must be one of `S`'s own instruction set.
    /// - Where its unit is one of tiles, rows must be readable, and `sums` as said, for 32 `rows`
    ///   whatever their number is, `width` must be 32, `first` and `steps` multiples of 16, and the call
    ///   within [`Unit::ready`].
    #[inline(always)]
    pub(crate) unsafe fn compute<S: Simd>(self, s: S, kernel: Kernel) {
        for block in kernel.blocks(self.steps) {
            let (first, steps) = (self.first + block.start, block.len());
            let fetch = self.fetch.after(block.start);
            // SAFETY: the caller's duties; the block is within the steps, and the ones before it have
            // written the sums.
            unsafe { Self { first, steps, fetch, ..self }.compute_block(s, kernel) };
        }
    }

    /// Computes the steps, which are one block.
    ///
    /// # Safety
    /// As for [`compute`](Self::compute).
    #[inline(always)]
    unsafe fn compute_block<S: Simd>(self, s: S, kernel: Kernel) {
        // The same code for every kernel around it, and long: it is called, not inlined.
        match (kernel.precision, kernel.unit) {
            #[cfg(target_arch = "x86_64")]
            (Precision::F32, _) if let Some(avx512) = s.avx512() => {
                // SAFETY: the caller's duties.
                unsafe { avx512.multiply_f32(self) };
            }
            (Precision::F32, _) => s.outline(CheckedTile { tile: self, product: Fma }),
            (Precision::Bf16x3, Unit::Fma) => {
                s.outline(CheckedTile { tile: self, product: Widened::<2> });
            }
            (_, Unit::Fma) => s.outline(CheckedTile { tile: self, product: Widened::<1> }),
            #[cfg(target_arch = "x86_64")]
            (Precision::Bf16x3, Unit::Pairs(unit)) => {
                unit.outline(CheckedTile { tile: self, product: Pairs::<2>(unit) });
            }
            #[cfg(target_arch = "x86_64")]
            (_, Unit::Pairs(unit)) => {
                unit.outline(CheckedTile { tile: self, product: Pairs::<1>(unit) });
            }
            // SAFETY: the caller's duties, which for tiles include whole blocks of rows, columns
            // and steps, and that the unit is ready.
            #[cfg(target_arch = "x86_64")]
            (_, Unit::Tiles(amx)) => unsafe { amx.multiply(self.block(kernel)) },
            // SAFETY: as before.
            #[cfg(all(test, target_arch = "x86_64"))]
            (_, Unit::EmulatedTiles(tiles)) => unsafe { tiles.multiply(self.block(kernel)) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Tile {
    /// The tile as a block of tiles.
    fn block(self, kernel: Kernel) -> Block {
        let whole = self.first.is_multiple_of(TILE) && self.steps.is_multiple_of(TILE);
        debug_assert!(self.width == BLOCK && whole);
        let word = size_of::<f32>();
        Block {
            steps: self.steps / TILE,
            a: self.a.wrapping_add(self.first).cast(),
            a_stride: self.stride * word,
            a_low: (kernel.parts() == 2).then_some(self.low * word),
            b: self.panel.wrapping_add(self.first * kernel.parts() * self.width).cast(),
            sums: self.sums,
            adds: self.first > 0,
            fetch: self.fetch,
        }
    }
}

/// A [`Tile`] whose maker has taken on the duties of [`Tile::compute`].
struct CheckedTile<P> {
    tile: Tile,
    product: P,
}

impl<P> CheckedTile<P> {
    #[inline(always)]
    fn run_on<S: Simd>(self, s: S)
    where
        P: Product<S>,
    {
        // SAFETY: the duties of `Tile::compute`, which alone makes this type.
        unsafe {
            if self.tile.width == S::LANES {
                tile_of_width::<S, P, 1>(s, self.product, self.tile);
            } else {
                tile_of_width::<S, P, 2>(s, self.product, self.tile);
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
unsafe fn tile_of_width<S: Simd, P: Product<S>, const NV: usize>(s: S, product: P, tile: Tile) {
    macro_rules! by_height {
        ($($height:literal)*) => {
            match tile.rows {
                $($height if $height <= rows_of::<S, P>() => {
                    // SAFETY: the caller's duties for `rows` rows, and this is their number.
                    unsafe { tile_of_size::<S, P, $height, NV>(s, product, tile) }
                })*
                _ => unreachable!("a tile has between 1 and {} rows", rows_of::<S, P>()),
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
unsafe fn tile_of_size<S: Simd, P: Product<S>, const MR: usize, const NV: usize>(
    s: S,
    product: P,
    tile: Tile,
) {
    let Tile { first, steps, a, stride, low, panel, fetch, sums, .. } = tile;
    let pitch = NV * S::LANES;
    let mut acc = [[s.zero(); NV]; MR];
    for step in first..first + steps {
        prefetch(fetch.at(step - first));
        // SAFETY: `step` is within the panel's rows, each of `PARTS` times `NV` vectors.
        let mut columns = unsafe {
            let at = panel.add(step * P::PARTS * pitch);
            [product.columns(s, at, pitch); NV]
        };
        for (v, columns) in columns.iter_mut().enumerate().skip(1) {
            // SAFETY: as before.
            *columns = unsafe {
                product.columns(s, panel.add(step * P::PARTS * pitch + v * S::LANES), pitch)
            };
        }
        for (row, acc) in acc.iter_mut().enumerate() {
            // SAFETY: `row < MR`, and the row has more than `step` steps.
            let left = unsafe { product.left(s, a.add(row * stride), low, step) };
            for (acc, &columns) in acc.iter_mut().zip(&columns) {
                *acc = product.add(s, left, columns, *acc);
            }
        }
    }
    for (row, acc) in acc.iter().enumerate() {
        for (v, &acc) in acc.iter().enumerate() {
            // SAFETY: `row < MR` and `v < NV`, so this vector lies within `sums`, which the caller
            // has written where there were steps before.
            unsafe {
                let sum = sums.add((row * NV + v) * S::LANES);
                let acc = if first == 0 { acc } else { s.add(s.load(sum), acc) };
                s.store(sum, acc);
            }
        }
    }
}
