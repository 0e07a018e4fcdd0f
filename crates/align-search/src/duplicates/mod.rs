//! Groups of near-identical items.

#[cfg(test)]
mod tests;

use crate::index::{Index, IndexError};
use crate::searcher::Hit;
use crate::searcher::scan::scan_index;
use align_model::similarity::inner_product;
use align_tensor::{Runtime, ScanQueries};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The rows that are compared with all later rows in one pass. With this many, a later row is used
/// often enough while it is in the cache.
const ROWS_PER_PASS: usize = 256;

/// Groups of items that are linked by scores at or above `threshold`, directly or through other
/// items of the group.
///
/// Groups are sorted by their first row, and each group by row. The score of a hit is its score with
/// the first row of the group. An item without a link is in no group.
///
/// Every pair is compared, so the time grows with the square of the number of items.
///
/// ```
/// use align_search::duplicates;
/// use align_tensor::Runtime;
/// # use align_search::{Description, Digest, Dtype, Index, IndexWriter, Item, ItemKind, ModelIdentity, TextItem};
/// # use ndarray::array;
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("index");
/// # let description = Description {
/// #     kind: ItemKind::Texts,
/// #     dtype: Dtype::F32,
/// #     model: ModelIdentity {
/// #         fingerprint: Digest::from_content(b"the model's files"),
/// #         precision: "f32".to_owned(),
/// #         preprocessing: Default::default(),
/// #         dim: 2,
/// #     },
/// # };
/// # let mut writer = IndexWriter::open(&folder, &description)?;
/// # let items = ["a cat", "a dog", "a  cat"].map(|text| Item::Text(TextItem { text: text.into() }));
/// # let rows = writer.append(&items, array![[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]].view())?;
/// # writer.finish(items.into_iter().zip(rows).collect(), Vec::new())?;
/// # let index = Index::open(&folder)?;
/// let groups = duplicates(&index, &Runtime::new()?, 0.97)?;
/// let rows: Vec<usize> = groups[0].iter().map(|hit| hit.row).collect();
/// assert_eq!((groups.len(), rows), (1, vec![0, 2]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the index cannot be read.
pub fn duplicates(
    index: &Index,
    runtime: &Runtime,
    threshold: f32,
) -> Result<Vec<Vec<Hit>>, IndexError> {
    let rows: Vec<usize> = index.rows().collect();
    // The resulting sets do not depend on the order in which links are found.
    let sets = Mutex::new(Sets::new(index.end()));
    for rows in rows.chunks(ROWS_PER_PASS) {
        let mut queries = Vec::with_capacity(rows.len() * index.dim());
        for &row in rows {
            queries.extend(index.embedding(row)?);
        }
        let scan = ScanQueries::new(runtime.isa, &queries, index.dim());
        scan_index(index, runtime, &scan, rows[0], &(), threshold, |(), query, row, _| {
            sets.lock().unwrap_or_else(PoisonError::into_inner).join(rows[query], row);
            threshold
        })?;
    }
    let mut sets = sets.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut groups = BTreeMap::<usize, Vec<usize>>::new();
    for row in rows {
        groups.entry(sets.first(row)).or_default().push(row);
    }
    groups.into_values().filter(|rows| rows.len() > 1).map(|rows| scored(index, rows)).collect()
}

/// A group with the scores of its rows with the first row.
fn scored(index: &Index, rows: Vec<usize>) -> Result<Vec<Hit>, IndexError> {
    let first = index.embedding(rows[0])?;
    let hit = |row| {
        let score = inner_product(first.view(), index.embedding(row)?.view()) as f32;
        Ok(Hit { row, score })
    };
    rows.into_iter().map(hit).collect()
}

/// Disjoint sets of rows (union-find). A set is represented by its first row.
struct Sets {
    /// For each row, an earlier row of the same set, or the row itself if it is the first.
    earlier: Vec<usize>,
}

impl Sets {
    fn new(rows: usize) -> Self {
        Self { earlier: (0..rows).collect() }
    }

    fn first(&mut self, mut row: usize) -> usize {
        while self.earlier[row] != row {
            // Path halving: the next walk takes half the steps.
            self.earlier[row] = self.earlier[self.earlier[row]];
            row = self.earlier[row];
        }
        row
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        self.earlier[a.max(b)] = a.min(b);
    }
}
