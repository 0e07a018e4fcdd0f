//! Exact search: every embedding is compared with every query.

mod error;
mod options;
pub(crate) mod scan;
#[cfg(test)]
mod tests;
mod top;

pub use error::SearchError;
pub use options::SearchOptions;
pub use top::Hit;

use crate::index::Index;
use crate::query::{Query, QueryError};
use align_tensor::{Runtime, ScanQueries};
use scan::scan_index;
use std::sync::Arc;
use top::Top;

/// Searches an index. The score of a row is the inner product of the row, as stored, with the unit
/// vector of the query. It is the cosine, up to the rounding of the stored row.
///
/// Hits are sorted by score, the best first, and hits of equal score by row. Their bits do not
/// depend on the number of threads or on the other queries.
///
/// ```
/// use align_search::{Index, Query, SearchOptions, Searcher};
/// use align_tensor::Runtime;
/// use std::num::NonZeroUsize;
/// # use align_search::{Description, Digest, Dtype, IndexWriter, Item, ItemKind, ModelIdentity, TextItem};
/// # use ndarray::array;
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("index");
/// # let description = Description {
/// #     kind: ItemKind::Texts,
/// #     dtype: Dtype::F16,
/// #     model: ModelIdentity {
/// #         fingerprint: Digest::from_content(b"the model's files"),
/// #         precision: "f32".to_owned(),
/// #         preprocessing: Default::default(),
/// #         dim: 2,
/// #     },
/// # };
/// # let mut writer = IndexWriter::open(&folder, &description)?;
/// # let items = ["a cat", "a dog", "a kitten"].map(|text| Item::Text(TextItem { text: text.into() }));
/// # let rows = writer.append(&items, array![[0.0, 1.0], [1.0, 0.0], [0.6, 0.8]].view())?;
/// # writer.finish(items.into_iter().zip(rows).collect(), Vec::new())?;
/// let searcher = Searcher::new(Index::open(&folder)?, Runtime::new()?);
///
/// let query = Query::from_embedding(array![0.1, 0.9].view())?;
/// let options = SearchOptions::default().with_top(NonZeroUsize::new(2));
/// let hits = &searcher.search(&[query], options)?[0];
/// assert_eq!(searcher.index().item(hits[0].row)?.name(), "a cat");
/// assert_eq!(searcher.index().item(hits[1].row)?.name(), "a kitten");
/// assert!(hits[0].score > hits[1].score);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Searcher {
    index: Arc<Index>,
    runtime: Runtime,
}

impl Searcher {
    /// A searcher of `index` with the threads and the instruction set of `runtime`.
    pub fn new(index: impl Into<Arc<Index>>, runtime: Runtime) -> Self {
        Self { index: index.into(), runtime }
    }

    /// The index that is searched.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The hits of each query. All queries are answered in one pass over the index.
    ///
    /// # Errors
    /// If a query has no direction, or its dimension is not that of the index.
    pub fn search(
        &self,
        queries: &[Query],
        options: SearchOptions,
    ) -> Result<Vec<Vec<Hit>>, SearchError> {
        let mut vectors = Vec::with_capacity(queries.len() * self.index.dim());
        for (index, query) in queries.iter().enumerate() {
            let fault = |source| SearchError::Query { index, source };
            let vector = query.vector().map_err(fault)?;
            if vector.len() != self.index.dim() {
                let (expected, found) = (self.index.dim(), vector.len());
                return Err(fault(QueryError::Dim { expected, found }));
            }
            vectors.extend(vector);
        }
        let scan = ScanQueries::new(self.runtime.isa, &vectors, self.index.dim());
        let tops = vec![Top::new(options); queries.len()];
        let floor = Top::new(options).floor();
        // Each worker keeps its own best hits. The best of all are among them, whichever worker
        // scans a row.
        let workers = scan_index(
            &self.index,
            &self.runtime,
            &scan,
            0,
            &tops,
            floor,
            |tops, query, row, score| tops[query].push(Hit { row, score }),
        )?;
        let mut workers = workers.into_iter();
        let mut tops = workers.next().unwrap_or_default();
        for other in workers {
            for (top, other) in tops.iter_mut().zip(other) {
                for hit in other.into_hits() {
                    top.push(hit);
                }
            }
        }
        Ok(tops.into_iter().map(Top::into_hits).collect())
    }
}
