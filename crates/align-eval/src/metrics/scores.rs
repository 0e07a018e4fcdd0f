//! Scores of all pairs of queries and items, one block of queries at a time.

use super::check;
use super::error::MetricsError;
use align_model::similarity::PackedEmbeddings;
use align_tensor::Runtime;
use ndarray::{ArrayView1, ArrayView2, Axis};

/// The most scores in memory at a time: 64 MB. A block has at least one row of scores, which is
/// small compared to the embeddings of the items.
const MAX_SCORES: usize = 1 << 24;

/// Calls `receive(query, scores)` for each row of `queries [m, k]` and returns the results in order.
/// `scores [n]` are the inner products of the row with the rows of `items [n, k]`.
///
/// Memory holds a packed copy of the items and [`MAX_SCORES`] scores, for any `m`. A score has the
/// same bits in any block and on any number of threads, and equal items have equal scores.
///
/// # Errors
/// If an array is empty, the widths differ, or a score is not finite. The last error names the
/// query.
pub(super) fn map_scores<R: Send>(
    runtime: &Runtime,
    (queries_name, queries): (&'static str, ArrayView2<'_, f32>),
    (items_name, items): (&'static str, ArrayView2<'_, f32>),
    receive: impl Fn(usize, ArrayView1<'_, f32>) -> R + Sync,
) -> Result<Vec<R>, MetricsError> {
    map_blocks(runtime, (queries_name, queries), (items_name, items), MAX_SCORES, receive)
}

fn map_blocks<R: Send>(
    runtime: &Runtime,
    (queries_name, queries): (&'static str, ArrayView2<'_, f32>),
    (items_name, items): (&'static str, ArrayView2<'_, f32>),
    max_scores: usize,
    receive: impl Fn(usize, ArrayView1<'_, f32>) -> R + Sync,
) -> Result<Vec<R>, MetricsError> {
    check::rows(queries_name, queries)?;
    check::rows(items_name, items)?;
    check::width(items_name, items, queries.ncols())?;
    let n = items.nrows();
    let packed = PackedEmbeddings::from_rows(runtime.isa, items);
    let block = (max_scores / n).clamp(1, queries.nrows());
    let mut scores = vec![0.0; block * n];
    let mut received = Vec::with_capacity(queries.nrows());
    runtime.threads.gather(|team| {
        for queries in queries.axis_chunks_iter(Axis(0), block) {
            let first = received.len();
            let scores = &mut scores[..queries.nrows() * n];
            packed.inner_products(team, queries, scores);
            let rows = team.map(scores.len() / n, |row| {
                let scores = &scores[row * n..][..n];
                let finite = scores.iter().all(|x| x.is_finite());
                finite.then(|| receive(first + row, ArrayView1::from(scores)))
            });
            for (row, result) in rows.into_iter().enumerate() {
                let non_finite =
                    || MetricsError::NonFinite { what: queries_name, row: first + row };
                received.push(result.ok_or_else(non_finite)?);
            }
        }
        Ok(received)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{integers, runtimes};
    use ndarray::{Array2, array};

    fn whole(queries: &Array2<f32>, items: &Array2<f32>) -> Vec<(usize, Vec<f32>)> {
        queries.dot(&items.t()).rows().into_iter().map(|row| row.to_vec()).enumerate().collect()
    }

    #[test]
    fn blocks_and_threads_change_nothing() {
        let (queries, items) = (integers(1, (37, 9)), integers(2, (50, 9)));
        for runtime in runtimes() {
            for max_scores in [1, 49, 50, 120, 10_000] {
                let (queries, items) = (("queries", queries.view()), ("items", items.view()));
                let pair = |query, scores: ArrayView1<'_, f32>| (query, scores.to_vec());
                let scores = map_blocks(&runtime, queries, items, max_scores, pair).unwrap();
                assert_eq!(scores, whole(&queries.1.to_owned(), &items.1.to_owned()));
            }
        }
    }

    #[test]
    fn rows_may_lie_in_any_order_in_memory() {
        let (queries, items) = (integers(3, (9, 7)), integers(4, (9, 5)));
        let (queries, items) = (queries.t(), items.t());
        let runtime = &runtimes()[0];
        let pair = |query, scores: ArrayView1<'_, f32>| (query, scores.to_vec());
        let scores = map_scores(runtime, ("queries", queries), ("items", items), pair).unwrap();
        assert_eq!(scores, whole(&queries.to_owned(), &items.to_owned()));
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let runtime = &runtimes()[0];
        let scores = |queries: ArrayView2<'_, f32>, items: ArrayView2<'_, f32>| {
            map_scores(runtime, ("queries", queries), ("items", items), |_, _| ()).unwrap_err()
        };
        let good = array![[1.0, 2.0], [3.0, 4.0]];
        let none = Array2::zeros((0, 2));
        let empty = |what| MetricsError::Empty { what };
        assert_eq!(scores(none.view(), good.view()), empty("queries"));
        assert_eq!(scores(good.view(), none.view()), empty("items"));
        let wide = Array2::zeros((2, 3));
        let expected = MetricsError::Width { what: "items", expected: 2, found: 3 };
        assert_eq!(scores(good.view(), wide.view()), expected);
        let nan = array![[1.0, 2.0], [f32::NAN, 4.0]];
        let expected = MetricsError::NonFinite { what: "queries", row: 1 };
        assert_eq!(scores(nan.view(), good.view()), expected);
    }
}
