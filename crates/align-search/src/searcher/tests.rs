use super::*;
use crate::message::full_message;
use crate::npy::Dtype;
use crate::testing;
use align_tensor::{Isa, Threads};
use ndarray::Array2;
use proptest::prelude::*;
use std::num::NonZeroUsize;

fn runtimes() -> Vec<Runtime> {
    let with = |isa, threads| {
        let threads = Threads::new(NonZeroUsize::new(threads).unwrap());
        Runtime::new().unwrap().with_isa(isa).with_threads(threads)
    };
    Isa::available().into_iter().flat_map(|isa| [with(isa, 1), with(isa, 3)]).collect()
}

fn queries(count: usize, dim: usize, seed: u64) -> (Array2<f32>, Vec<Query>) {
    let vectors = testing::embeddings(count, dim, seed);
    let queries =
        vectors.rows().into_iter().map(|row| Query::from_embedding(row).unwrap()).collect();
    (vectors, queries)
}

/// A bound on the error of a score. Two scores closer than twice this bound may come in any order.
///
/// A score is the sum of lanes of `dim / 8 + 1` products each, and four more sums join the lanes.
/// Each step has at most two roundings. The sizes of the products add up to at most 1, since both
/// rows have unit length, or up to one unit in the last place more in f16.
fn tolerance(dim: usize) -> f64 {
    1.01 * (2.0 * (dim as f64 / 8.0 + 1.0) + 4.0) * f64::from(f32::EPSILON) / 2.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn answers_are_those_of_brute_force(
        rows in 0usize..5000,
        count in 1usize..20,
        dim in 1usize..40,
        top in proptest::option::of(1usize..30),
        threshold in proptest::option::of(0.0f32..0.9),
        half in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let dtype = if half { Dtype::F16 } else { Dtype::F32 };
        let (_folder, index) = testing::index(dtype, &testing::embeddings(rows, dim, seed));
        let index = Arc::new(index);
        let (_, queries) = queries(count, dim, seed ^ 1);
        let options = SearchOptions { top: top.and_then(NonZeroUsize::new), threshold };
        let exact: Vec<Vec<f64>> = queries
            .iter()
            .map(|query| {
                let query = query.vector().unwrap().mapv(f64::from);
                let score = |row| index.embedding(row).unwrap().mapv(f64::from).dot(&query);
                (0..rows).map(score).collect()
            })
            .collect();
        let slack = tolerance(dim);
        for runtime in runtimes() {
            let found = Searcher::new(Arc::clone(&index), runtime).search(&queries, options).unwrap();
            for (hits, exact) in found.iter().zip(&exact) {
                for hit in hits {
                    prop_assert!((f64::from(hit.score) - exact[hit.row]).abs() <= slack);
                    prop_assert!(threshold.is_none_or(|t| hit.score >= t));
                }
                let order = |pair: &[Hit]| {
                    let (a, b) = (pair[0], pair[1]);
                    a.score > b.score || a.score == b.score && a.row < b.row
                };
                prop_assert!(hits.windows(2).all(order));
                // Up to rounding, a row that is no hit scores at most as high as the last hit, or
                // below the threshold.
                let is_full = top == Some(hits.len());
                let last = hits.last().filter(|_| is_full).map(|hit| exact[hit.row] + 2.0 * slack);
                let bound = last.or(threshold.map(|t| f64::from(t) + slack));
                let mut is_hit = vec![false; rows];
                hits.iter().for_each(|hit| is_hit[hit.row] = true);
                for (row, _) in is_hit.iter().enumerate().filter(|(_, is_hit)| !**is_hit) {
                    prop_assert!(bound.is_some_and(|bound| exact[row] <= bound), "row {row}");
                }
                if top.is_none() && threshold.is_none() {
                    prop_assert_eq!(hits.len(), rows);
                }
            }
        }
    }
}

#[test]
fn threads_and_company_change_no_bit() {
    let embeddings = testing::embeddings(9000, 17, 3);
    let (_folder, index) = testing::index(Dtype::F16, &embeddings);
    let index = Arc::new(index);
    let (_, queries) = queries(9, 17, 4);
    let options = SearchOptions { top: NonZeroUsize::new(50), threshold: None };
    for isa in Isa::available() {
        let search = |threads, queries: &[Query]| {
            let threads = Threads::new(NonZeroUsize::new(threads).unwrap());
            let runtime = Runtime::new().unwrap().with_isa(isa).with_threads(threads);
            Searcher::new(Arc::clone(&index), runtime).search(queries, options).unwrap()
        };
        let together = search(1, &queries);
        // Equal rows have equal scores, so their hits are sorted by row.
        let ties =
            together.iter().flat_map(|hits| hits.windows(2)).filter(|p| p[0].score == p[1].score);
        assert!(ties.count() > 10);
        for threads in [2, 5] {
            assert_eq!(search(threads, &queries), together);
        }
        for (query, expected) in queries.iter().zip(&together) {
            assert_eq!(search(2, std::slice::from_ref(query))[0], *expected);
        }
    }
}

#[test]
fn an_empty_index_and_no_queries_give_nothing() {
    let (_folder, index) = testing::index(Dtype::F32, &Array2::zeros((0, 3)));
    let searcher = Searcher::new(index, Runtime::new().unwrap());
    let (_, queries) = queries(2, 3, 1);
    assert_eq!(searcher.search(&queries, SearchOptions::default()).unwrap(), [[], []]);
    assert!(searcher.search(&[], SearchOptions::default()).unwrap().is_empty());
}

#[test]
fn queries_of_another_size_are_named() {
    let (_folder, index) = testing::index(Dtype::F32, &testing::embeddings(2, 3, 1));
    let searcher = Searcher::new(index, Runtime::new().unwrap());
    let good = Query::from_embedding(ndarray::array![1.0, 0.0, 0.0].view()).unwrap();
    let other = Query::from_embedding(ndarray::array![1.0, 0.0].view()).unwrap();
    let message = |queries: &[Query]| {
        full_message(&searcher.search(queries, SearchOptions::default()).unwrap_err())
    };
    assert_eq!(
        message(&[good.clone(), other]),
        "query 1: expected an embedding of 3 values, found 2"
    );
    assert_eq!(message(&[Query::new()]), "query 0: a query needs at least one text or image");
}
