//! The distance between rows that the caches serve well.

use crate::gemm::Word;
use crate::memory::LINE;
use crate::number::NumberFormat;

/// Half of the L1 set period (4096 bytes on x86-64): rows this far apart map to only two cache sets.
const HALF_SET_PERIOD: usize = 2048;

/// The pitch for rows of `len` values that will be multiplied: `len`, or one cache line more if a row is a multiple of
/// 2048 bytes.
///
/// A product reads one line of each of up to 14 rows at a time, or of 32 rows with AMX tiles. At such a distance they map
/// to one or two sets of 8 or 12 ways in the L1 cache and evict each other. On a Zen 4, `f32` products of 3072 inputs lose
/// a fifth of their speed.
pub fn row_pitch(format: NumberFormat, len: usize) -> usize {
    let per_word = size_of::<Word>() / format.size();
    if len.is_multiple_of(per_word) { per_word * pitch_of_words(len / per_word) } else { len }
}

/// [`row_pitch`] in words of 32 bits.
pub(super) fn pitch_of_words(len: usize) -> usize {
    if (len * size_of::<Word>()).is_multiple_of(HALF_SET_PERIOD) { len + LINE } else { len }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_whole_pages_are_drawn_apart() {
        let pitch =
            |len| [NumberFormat::F32, NumberFormat::Bf16].map(|format| row_pitch(format, len));
        assert_eq!([768, 1024].map(pitch), [[768, 768], [1040, 1056]]);
        assert_eq!([1536, 3072, 3073].map(pitch), [[1552, 1536], [3088, 3104], [3073, 3073]]);
    }
}
