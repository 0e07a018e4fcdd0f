//! Helpers for the tests of this crate.

pub(crate) mod ulp;

/// Values in -1..1 from a counter. They follow from the length and the seed, so sizes alone name a
/// test case.
pub(crate) fn values(len: usize, seed: u32) -> Vec<f32> {
    (0..len as u32)
        .map(|i| {
            let mixed = (i.wrapping_mul(0x9E37_79B9) ^ seed).wrapping_mul(0x85EB_CA6B);
            ((mixed ^ (mixed >> 15)) >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}
