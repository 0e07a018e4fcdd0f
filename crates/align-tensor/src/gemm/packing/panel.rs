//! One panel: packing of its columns, and what is made of it just before it is multiplied.

use crate::cpu::simd::Simd;
use crate::gemm::Word;
use crate::number::bf16_bits;
use half::bf16;

/// The inputs that are packed for all columns of a panel before the next ones. The rows that are written stay in the L1
/// cache.
pub(super) const PACKED_AT_ONCE: usize = 64;

/// Packs `rows [columns, k]` of `f32`. Columns that are absent keep their zeros.
pub(super) fn pack_f32(rows: &[f32], k: usize, width: usize, to: &mut [Word]) {
    for (column, row) in rows.chunks_exact(k).enumerate() {
        to.chunks_exact_mut(width).zip(row).for_each(|(to, &x)| to[column] = x.to_bits());
    }
}

/// Packs `rows [columns, k]` as pairs of bf16 numbers, each value in `PARTS` parts. Columns that are absent keep their
/// zeros.
pub(super) fn pack_pairs<const PARTS: usize>(
    rows: &[f32],
    k: usize,
    width: usize,
    to: &mut [Word],
) {
    let halves = |x: f32| if PARTS == 1 { [bf16_bits::round(x), 0] } else { bf16_bits::split(x) };
    for (block, words) in to.chunks_mut(PACKED_AT_ONCE / 2 * PARTS * width).enumerate() {
        for (column, row) in rows.chunks_exact(k).enumerate() {
            let pairs = row[block * PACKED_AT_ONCE..].chunks(2);
            for (slots, pair) in words.chunks_exact_mut(PARTS * width).zip(pairs) {
                let first = halves(pair[0]);
                let second = halves(pair.get(1).copied().unwrap_or(0.0));
                for part in 0..PARTS {
                    slots[part * width + column] =
                        u32::from(first[part]) | u32::from(second[part]) << 16;
                }
            }
        }
    }
}

/// Packs `rows [columns, k]` as pairs of integers. Columns that are absent keep their zeros.
pub(super) fn pack_integers(rows: &[i8], k: usize, width: usize, to: &mut [Word]) {
    let slots: &mut [[i8; 2]] = bytemuck::cast_slice_mut(to);
    for (block, slots) in slots.chunks_mut(PACKED_AT_ONCE / 2 * width).enumerate() {
        for (column, row) in rows.chunks_exact(k).enumerate() {
            let pairs = row[block * PACKED_AT_ONCE..].chunks(2);
            for (slots, pair) in slots.chunks_exact_mut(width).zip(pairs) {
                slots[column] = [pair[0], pair.get(1).copied().unwrap_or(0)];
            }
        }
    }
}

/// Widens integers of a panel to bf16, which holds them exactly.
#[inline(always)]
pub(crate) fn widen_integers(panel: &[Word], to: &mut [Word]) {
    let integers: &[i8] = bytemuck::cast_slice(panel);
    let numbers: &mut [bf16] = bytemuck::cast_slice_mut(to);
    for (number, &integer) in numbers.iter_mut().zip(integers) {
        *number = bf16::from_bits((f32::from(integer).to_bits() >> 16) as u16);
    }
}

/// Multiplies each step of a panel of `f32` by the scale of its input.
#[inline(always)]
pub(crate) fn scale_steps<S: Simd>(
    s: S,
    panel: &[Word],
    scales: &[f32],
    width: usize,
    to: &mut [Word],
) {
    let panel: &[f32] = bytemuck::cast_slice(panel);
    let to: &mut [f32] = bytemuck::cast_slice_mut(to);
    let rows = panel.chunks_exact(width).zip(to.chunks_exact_mut(width));
    for ((row, to), &scale) in rows.zip(scales) {
        let scale = s.splat(scale);
        for (row, to) in row.chunks_exact(S::LANES).zip(to.chunks_exact_mut(S::LANES)) {
            s.store_slice(to, s.mul(s.load_slice(row), scale));
        }
    }
}
