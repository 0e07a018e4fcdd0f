//! Counter-based random numbers: number `i` of a named stream needs no earlier number.
//!
//! Number `i` is `mix(key + (i + 1) * GOLDEN)` with `key = mix(seed ^ fnv1a(name))`, modulo 2^64.
//! This is SplitMix64 with one key for each stream (Steele, Lea and Flood, "Fast splittable
//! pseudorandom number generators", 2014).

/// The Weyl increment of SplitMix64: 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The step between two numbers: 2^-23.
pub(super) const STEP: f32 = 1.0 / (1 << 23) as f32;

/// The stream `name` under `seed`: integers uniform on [-2^23, 2^23), each exact in `f32`.
pub(super) fn integers(seed: u64, name: &str) -> impl Iterator<Item = i64> + use<> {
    let key = mix(seed ^ fnv1a(name));
    (1_u64..).map(move |index| {
        let word = mix(key.wrapping_add(index.wrapping_mul(GOLDEN)));
        (word >> 40) as i64 - (1 << 23)
    })
}

/// The same stream as multiples of 2^-23: exact `f32` numbers uniform on [-1, 1).
pub(super) fn signed_units(seed: u64, name: &str) -> impl Iterator<Item = f32> + use<> {
    integers(seed, name).map(|integer| integer as f32 * STEP)
}

/// The finaliser of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The 64-bit FNV-1a hash of a name.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_and_mixer_agree_with_published_values() {
        // FNV-1a of "a" from the reference's test vectors; SplitMix64's first output from state 0.
        assert_eq!(fnv1a("a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(mix(GOLDEN), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn numbers_are_uniform_on_the_signed_unit_interval() {
        let numbers: Vec<f64> = signed_units(5, "x").take(100_000).map(f64::from).collect();
        assert!(numbers.iter().all(|number| (-1.0..1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 1e5;
        let square = numbers.iter().map(|number| number * number).sum::<f64>() / 1e5;
        // Five standard errors: sqrt(1/3 / 1e5) and sqrt(4/45 / 1e5).
        assert!(mean.abs() < 5.0 * 1.83e-3, "{mean}");
        assert!((square - 1.0 / 3.0).abs() < 5.0 * 9.43e-4, "{square}");
    }
}
