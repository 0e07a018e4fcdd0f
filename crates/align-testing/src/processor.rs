//! Golden files of the processor.

use ndarray::Array3;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// A file or folder under `fixtures/processor`.
pub fn fixture(name: &str) -> PathBuf {
    crate::fixtures().join("processor").join(name)
}

/// A golden file in JSON.
pub fn golden<T: DeserializeOwned>(name: &str) -> T {
    let text = std::fs::read(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The checksum of the goldens.
///
/// It is a sum over the little-endian `u32` words, the last one padded with zeros. Each word is
/// joined with its index and mixed by the finaliser of SplitMix64.
pub fn checksum(bytes: &[u8]) -> String {
    let sum = bytes.chunks(4).zip(0_u64..).fold(0_u64, |sum, (word, index)| {
        let mut padded = [0; 4];
        padded[..word.len()].copy_from_slice(word);
        let mut z = u64::from(u32::from_le_bytes(padded)) | index << 32;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        sum.wrapping_add(z ^ z >> 31)
    });
    format!("{sum:016x}")
}

/// The deterministic picture of the goldens, `[height, width, channels]`: noise and ramps.
pub fn pattern(height: usize, width: usize, channels: usize, seed: u64) -> Array3<u8> {
    Array3::from_shape_fn((height, width, channels), |(y, x, c)| {
        let index = ((y * width + x) * channels + c) as u64;
        let noise = ((index * 2_654_435_761 + seed * 40_503 + 12_345) & 0xffff_ffff) >> 25;
        (noise as usize + y / 2 + x) as u8
    })
}
