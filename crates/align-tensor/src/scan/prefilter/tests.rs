//! Scans with the prefilter against scans without it, bit for bit.

use crate::cpu::Isa;
use crate::number::Numbers;
use crate::scan::{Scan, ScanQueries};
use crate::testing::values;
use half::f16;
use proptest::prelude::*;

/// The reports of a scan, as `(query, row, bits of the score)`. If `rise`, a floor rises to the best
/// score so far.
fn finds(
    scan: &ScanQueries,
    rows: Numbers<'_>,
    floor: f32,
    rise: bool,
) -> Vec<(usize, usize, u32)> {
    let mut floors = vec![floor; scan.count()];
    let mut found = Vec::new();
    scan.scan(rows, &mut floors, &mut |query, row, score| {
        found.push((query, row, score.to_bits()));
        if rise { score } else { floor }
    });
    // The prefilter changes the order of the queries, but not that of the rows of one query.
    found.sort_by_key(|&(query, ..)| query);
    found
}

/// The same queries with the prefilter and without it. None if this CPU has no prefilter.
fn both(queries: &[f32], dim: usize) -> Option<[ScanQueries; 2]> {
    let with = ScanQueries::new(Isa::best(), queries, dim);
    let without = ScanQueries { prefilter: None, ..with.clone() };
    with.prefilter.is_some().then_some([with, without])
}

proptest! {
    #[test]
    fn nothing_is_lost(
        rows in prop_oneof![0usize..120, 400usize..900],
        count in 8usize..75,
        dim in 1usize..150,
        floor in prop_oneof![Just(f32::NEG_INFINITY), -1.0f32..3.0],
        rise in any::<bool>(),
        size in prop_oneof![Just(1.0f32), Just(1e-3), Just(1e-18), Just(1e-34), Just(300.0)],
    ) {
        let x: Vec<f32> = values(rows * dim, 1).iter().map(|x| x * size).collect();
        let half: Vec<f16> = x.iter().map(|&x| f16::from_f32(x)).collect();
        let queries = values(count * dim, 2);
        if let Some([with, without]) = both(&queries, dim) {
            for rows in [Numbers::F32(&x), Numbers::F16(&half)] {
                let floor = floor * size * (dim as f32).sqrt() / 3.0;
                prop_assert_eq!(
                    finds(&with, rows, floor, rise),
                    finds(&without, rows, floor, rise)
                );
            }
        }
    }

    /// Floors that equal scores: the smallest error of a bound would lose one.
    #[test]
    fn a_score_at_the_floor_is_found(rows in 1usize..60, dim in 1usize..100) {
        const COUNT: usize = 17;
        let (x, queries) = (values(rows * dim, 3), values(COUNT * dim, 4));
        if let Some([with, without]) = both(&queries, dim) {
            for (query, row, score) in finds(&without, Numbers::F32(&x), f32::NEG_INFINITY, false) {
                let found = finds(&with, Numbers::F32(&x), f32::from_bits(score), false);
                prop_assert!(found.contains(&(query, row, score)), "{query} {row}");
            }
        }
    }
}

/// If rounding loses nothing or everything, only the part of the bound for the arithmetic is left.
#[test]
fn bounds_hold_at_their_edges() {
    let [one, tiny, least] = [1.0f32, 1e-20, f32::from_bits(1)];
    for (x, q, dim) in [
        (one, one, 640),
        (tiny, tiny, 640),
        (tiny, one, 33),
        (least, one, 2),
        (one, 1.0 / 3.0, 16_384),
        (0.1, 0.3, 16_385),
    ] {
        let signs = |i: usize| if i.is_multiple_of(3) { -1.0 } else { 1.0 };
        let row: Vec<f32> = (0..dim).map(|i| x * signs(i)).collect();
        let queries: Vec<f32> = (0..8 * dim).map(|i| q * signs(i % dim)).collect();
        if let Some([with, without]) = both(&queries, dim) {
            let all = finds(&without, Numbers::F32(&row), f32::NEG_INFINITY, false);
            let floor = f32::from_bits(all[0].2);
            assert_eq!(finds(&with, Numbers::F32(&row), floor, false), all, "{x} {q} {dim}");
        }
    }
}

#[test]
fn values_without_a_bound_are_scored() {
    const DIM: usize = 20;
    let special =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e20, 0.0, f32::MIN_POSITIVE];
    let (mut x, mut queries) = (values(40 * DIM, 5), values(16 * DIM, 6));
    for (index, &value) in special.iter().enumerate() {
        x[index * 3 * DIM + index] = value;
        queries[index * 2 * DIM + 7] = value;
    }
    x[39 * DIM..].fill(0.0);
    queries[15 * DIM..].fill(0.0);
    if let Some([with, without]) = both(&queries, DIM) {
        for floor in [f32::NEG_INFINITY, -1.0, 0.0, 0.5, f32::INFINITY] {
            let found = finds(&with, Numbers::F32(&x), floor, false);
            assert_eq!(found, finds(&without, Numbers::F32(&x), floor, false));
        }
    }
}

/// The bound is tight: of unit vectors, only pairs whose score is near the floor are scored.
#[test]
fn few_pairs_are_scored() {
    const FLOOR: f32 = 0.2;
    const DIM: usize = 640;
    let unit = |rows, seed| {
        let mut x = values(rows * DIM, seed);
        for row in x.chunks_mut(DIM) {
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.iter_mut().for_each(|x| *x /= length);
        }
        x
    };
    let (x, queries) = (unit(96, 7), unit(64, 8));
    if let Some([with, without]) = both(&queries, DIM) {
        let near = finds(&without, Numbers::F32(&x), FLOOR - 0.03, false).len();
        let prefilter = with.prefilter.as_ref().expect("made with a prefilter");
        let scan = Scan {
            queries: &with,
            rows: x.as_slice(),
            floors: &mut [FLOOR; 64],
            found: &mut |_, _, _| FLOOR,
        };
        let scored = prefilter.scan(scan);
        assert!(scored <= near && near < 96 * 64 / 10, "{scored} scored of {near} near the floor");
    }
}
