//! Scans against sums in `f64`, and against each other bit for bit.

use super::*;
use crate::testing::values;
use half::f16;
use proptest::prelude::*;

/// The scores of a scan without floors: `[query][row]`.
fn all_scores(isa: Isa, rows: Numbers<'_>, queries: &[f32], dim: usize) -> Vec<Vec<f32>> {
    let scan = ScanQueries::new(isa, queries, dim);
    let mut floors = vec![f32::NEG_INFINITY; scan.count()];
    let mut scores = vec![Vec::new(); scan.count()];
    scan.scan(rows, &mut floors, &mut |query, row, score| {
        assert_eq!(scores[query].len(), row, "the rows of a query in order");
        scores[query].push(score);
        f32::NEG_INFINITY
    });
    scores
}

fn halves(values: &[f32]) -> Vec<f16> {
    values.iter().map(|&x| f16::from_f32(x)).collect()
}

fn widened(values: &[f16]) -> Vec<f32> {
    values.iter().map(|x| x.to_f32()).collect()
}

proptest! {
    #[test]
    fn scores_are_sums_of_products(rows in 0usize..20, count in 1usize..12, dim in 1usize..150) {
        let half = halves(&values(rows * dim, 1));
        let (x, queries) = (widened(&half), values(count * dim, 2));
        for isa in Isa::available() {
            let found = all_scores(isa, Numbers::F32(&x), &queries, dim);
            for (scores, query) in found.iter().zip(queries.chunks(dim)) {
                prop_assert_eq!(scores.len(), rows);
                for (&score, row) in scores.iter().zip(x.chunks(dim)) {
                    let terms = || row.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b));
                    let (exact, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
                    // The chain of a lane has at most dim / 8 + 1 terms, of two roundings each if
                    // multiply-adds are not fused. Four more sums add the lanes.
                    let roundings = 2.0 * (dim as f64 / 8.0 + 1.0) + 4.0;
                    let bound = roundings * f64::from(f32::EPSILON) / 2.0 * size;
                    prop_assert!((f64::from(score) - exact).abs() <= bound, "{isa:?} {score} {exact}");
                }
            }
            // Half precision is widened exactly, before the tile or in it.
            prop_assert_eq!(&all_scores(isa, Numbers::F16(&half), &queries, dim), &found);
        }
    }

    #[test]
    fn a_score_does_not_depend_on_other_rows_or_queries(rows in 1usize..20, count in 1usize..12, dim in 1usize..70) {
        let (x, queries) = (values(rows * dim, 3), values(count * dim, 4));
        for isa in Isa::available() {
            let together = all_scores(isa, Numbers::F32(&x), &queries, dim);
            for (scores, query) in together.iter().zip(queries.chunks(dim)) {
                let alone: Vec<f32> = x
                    .chunks(dim)
                    .map(|row| all_scores(isa, Numbers::F32(row), query, dim)[0][0])
                    .collect();
                prop_assert_eq!(scores, &alone);
            }
        }
    }

    #[test]
    fn floors_hold_and_rise(rows in 0usize..40, count in 1usize..9, raise in any::<bool>()) {
        const DIM: usize = 7;
        let (x, queries) = (values(rows * DIM, 5), values(count * DIM, 6));
        for isa in Isa::available() {
            let scores = all_scores(isa, Numbers::F32(&x), &queries, DIM);
            let scan = ScanQueries::new(isa, &queries, DIM);
            let mut floors = vec![0.25; count];
            let mut found = vec![Vec::new(); count];
            scan.scan(Numbers::F32(&x), &mut floors, &mut |query, row, score| {
                found[query].push((row, score));
                if raise { score.next_up() } else { 0.25 }
            });
            for (query, found) in found.into_iter().enumerate() {
                let mut floor = 0.25;
                let mut expected = Vec::new();
                for (row, &score) in scores[query].iter().enumerate() {
                    if score >= floor {
                        expected.push((row, score));
                        floor = if raise { score.next_up() } else { floor };
                    }
                }
                prop_assert_eq!(found, expected);
                prop_assert_eq!(floors[query], floor);
            }
        }
    }
}

#[test]
fn nan_is_never_found_and_infinity_is() {
    for isa in Isa::available() {
        let rows = [f32::NAN, 1.0, f32::INFINITY, 1.0, 2.0, 0.0];
        let scores = |query: &[f32]| {
            let mut found = Vec::new();
            let scan = ScanQueries::new(isa, query, 2);
            scan.scan(Numbers::F32(&rows), &mut [f32::NEG_INFINITY], &mut |_, row, score| {
                found.push((row, score));
                f32::NEG_INFINITY
            });
            found
        };
        assert_eq!(scores(&[1.0, 1.0]), [(1, f32::INFINITY), (2, 2.0)]);
        assert_eq!(scores(&[0.0, 1.0]), [(2, 0.0)]);
        assert_eq!(scores(&[f32::NAN, 1.0]), []);
    }
}

#[test]
#[should_panic(expected = "rows of 3 values")]
fn a_partial_row_is_refused() {
    let scan = ScanQueries::new(Isa::best(), &[0.0; 3], 3);
    scan.scan(Numbers::F32(&[0.0; 4]), &mut [0.0], &mut |_, _, score| score);
}

#[test]
#[should_panic(expected = "rows of I8: expected F32 or F16")]
fn rows_of_another_format_are_refused() {
    let scan = ScanQueries::new(Isa::best(), &[0.0; 3], 3);
    scan.scan(Numbers::I8(&[0; 3]), &mut [0.0], &mut |_, _, score| score);
}
