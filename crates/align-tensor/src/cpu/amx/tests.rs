use crate::cpu::amx::block::{BLOCK, Block, Tiles};
use crate::cpu::amx::{Amx, TILE, TILE_WORDS, emulated};
use crate::cpu::prefetch::Fetch;
use crate::number::bf16_bits;
use crate::testing::values;

/// A register of pairs of bf16 numbers.
fn pairs(seed: u32) -> [[u32; TILE_WORDS]; TILE] {
    let numbers = values(2 * TILE * TILE_WORDS, seed);
    let half = |i: usize| u32::from(bf16_bits::round(numbers[i]));
    std::array::from_fn(|row| {
        std::array::from_fn(|word| {
            let first = 2 * (row * TILE_WORDS + word);
            half(first) | half(first + 1) << 16
        })
    })
}

#[test]
fn the_emulation_multiplies_as_the_manual_says() {
    let (a, b) = (pairs(1), pairs(2));
    let mut sums = [[0u32; TILE_WORDS]; TILE];
    for (i, sum) in sums.iter_mut().flatten().enumerate() {
        *sum = (i as f32 / 7.0).to_bits();
    }
    let before = sums;
    emulated::multiply_add(&mut sums, &a, &b);
    let number = |word: u32, half: usize| f64::from(bf16_bits::widen((word >> (16 * half)) as u16));
    for row in 0..TILE {
        for column in 0..TILE_WORDS {
            let (mut exact, mut magnitude) = (f64::from(f32::from_bits(before[row][column])), 0.0);
            for k in 0..TILE_WORDS {
                for half in [0, 1] {
                    let product = number(a[row][k], half) * number(b[k][column], half);
                    exact += product;
                    magnitude += product.abs();
                }
            }
            let found = f64::from(f32::from_bits(sums[row][column]));
            // Roundings of chains of 16, of their sum, and of its addition to the former sum.
            let bound = 18.0 * f64::from(f32::EPSILON) / 2.0 * (magnitude + exact.abs());
            assert!((found - exact).abs() <= bound, "{row} {column}: {found} not {exact}");
        }
    }
}

/// Even and odd numbers have sums of their own: 2^24 in one does not absorb ones in the other.
#[test]
fn even_and_odd_numbers_are_summed_apart() {
    let [one, large] = [1.0, 16_777_216.0].map(|x| u32::from(bf16_bits::round(x)));
    let mut a = [[one << 16; TILE_WORDS]; TILE];
    a.iter_mut().for_each(|row| row[0] |= large);
    let b = [[one | one << 16; TILE_WORDS]; TILE];
    let mut sums = [[0; TILE_WORDS]; TILE];
    emulated::multiply_add(&mut sums, &a, &b);
    assert_eq!(sums, [[16_777_232f32.to_bits(); TILE_WORDS]; TILE]);
    // One chain would have stayed at 2^24.
    assert_eq!((0..16).fold(16_777_216f32, |sum, _| sum + 1.0), 16_777_216.0);
}

#[test]
fn subnormals_are_zero_on_the_way_in_and_out() {
    let tile = |x: f32| {
        let mut tile = [[0; TILE_WORDS]; TILE];
        tile[0][0] = x.to_bits() >> 16;
        tile
    };
    let first = |a: f32, b: f32, sum: f32| {
        let mut sums = [[0; TILE_WORDS]; TILE];
        sums[0][0] = sum.to_bits();
        emulated::multiply_add(&mut sums, &tile(a), &tile(b));
        f32::from_bits(sums[0][0])
    };
    assert_eq!(first(f32::from_bits(1 << 16), 1e30, 0.0), 0.0);
    assert_eq!(first(2f32.powi(-70), 2f32.powi(-70), 0.0), 0.0);
    assert_eq!(first(0.0, 0.0, 1e-40), 0.0);
    assert_eq!(first(2.0, 3.0, 1.0), 7.0);
}

/// The instructions themselves, if this CPU has them.
#[test]
fn the_cpu_does_what_the_emulation_does() {
    let Some(amx) = Amx::detect() else {
        eprintln!("no AMX here: nothing is compared");
        return;
    };
    let cases = [(1, 1), (3, 1), (24, 1), (1, 2), (7, 2)];
    for ((steps, parts), adds) in cases.into_iter().flat_map(|case| [(case, false), (case, true)]) {
        let halves = |len: usize, seed| -> Vec<u16> {
            values(len, seed).into_iter().map(bf16_bits::round).collect()
        };
        let a = halves(BLOCK * 2 * TILE * steps * parts, 3);
        let b = halves(TILE * steps * 2 * BLOCK * parts, 4);
        let before = if adds { values(BLOCK * BLOCK, 5) } else { vec![f32::NAN; BLOCK * BLOCK] };
        let run = |multiply: &dyn Fn(Block)| {
            let mut sums = before.clone();
            multiply(Block {
                steps,
                a: a.as_ptr().cast(),
                a_stride: 64 * steps * parts,
                a_low: (parts == 2).then_some(64 * steps),
                b: b.as_ptr().cast(),
                sums: sums.as_mut_ptr(),
                adds,
                fetch: Fetch::NOTHING,
            });
            sums
        };
        // SAFETY: the sizes above; the tiles are configured.
        let found = run(&|block| amx.configured(|| unsafe { amx.multiply(block) }));
        // SAFETY: as before.
        let expected = run(&|block| unsafe { emulated::Emulated.multiply(block) });
        assert_eq!(found, expected, "{steps} steps of {parts} parts, {adds}");
    }
}
