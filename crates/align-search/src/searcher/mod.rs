//! Exact search: every embedding is compared with every query.

pub(crate) mod scan;
mod top;

use crate::index::{Index, IndexError};
use crate::query::{Query, QueryError};
use align_tensor::{Runtime, ScanQueries};
use scan::scan_index;
use std::num::NonZeroUsize;
use top::Top;

pub use top::Hit;

/// Why a search could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// There is nothing to search for.
    #[error("query {index}: {cause}")]
    Query {
        /// Which of the queries.
        index: usize,
        /// What is wrong with it.
        cause: QueryError,
    },
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Which hits a search returns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SearchOptions {
    /// At most so many for each query, the best.
    pub top: Option<NonZeroUsize>,
    /// None with a lower score.
    pub threshold: Option<f32>,
}

/// Searches an index. A score is the inner product of the query's unit vector with the row as it is
/// in the file: the cosine, but for the rounding of the file's element type.
///
/// Hits come best first, those of one score in the order of their rows; they are the same bits for
/// any number of threads and in any company of other queries.
///
/// ```
/// use align_search::{Index, Query, SearchOptions, Searcher};
/// use align_tensor::Runtime;
/// use std::num::NonZeroUsize;
/// # use align_search::{Description, Digest, Dtype, IndexWriter, Item, Kind, ModelIdentity, TextItem};
/// # use ndarray::array;
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("index");
/// # let description = Description {
/// #     kind: Kind::Texts,
/// #     dtype: Dtype::F16,
/// #     model: ModelIdentity {
/// #         fingerprint: Digest::of(b"the model's files"),
/// #         precision: "f32".to_owned(),
/// #         preprocessing: Default::default(),
/// #         dim: 2,
/// #     },
/// # };
/// # let mut writer = IndexWriter::open(&folder, &description)?;
/// # let items = ["a cat", "a dog", "a kitten"].map(|text| Item::Text(TextItem { text: text.into() }));
/// # let rows = writer.append(&items, array![[0.0, 1.0], [1.0, 0.0], [0.6, 0.8]].view())?;
/// # writer.finish(items.into_iter().zip(rows).collect(), Vec::new())?;
/// let index = Index::open(&folder)?;
/// let searcher = Searcher::new(&index, Runtime::new()?);
///
/// let query = Query::of(array![0.1, 0.9].view())?;
/// let options = SearchOptions { top: NonZeroUsize::new(2), threshold: None };
/// let hits = &searcher.search(&[query], options)?[0];
/// assert_eq!(index.item(hits[0].row)?.name(), "a cat");
/// assert_eq!(index.item(hits[1].row)?.name(), "a kitten");
/// assert!(hits[0].score > hits[1].score);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Searcher<'i> {
    index: &'i Index,
    runtime: Runtime,
}

impl<'i> Searcher<'i> {
    /// A search of `index` with the threads and the instruction set of `runtime`.
    pub fn new(index: &'i Index, runtime: Runtime) -> Self {
        Self { index, runtime }
    }

    /// The hits of each query, best first. All queries are answered in one pass over the index.
    ///
    /// # Errors
    /// Where a query has no direction or is of another size than the index.
    pub fn search(
        &self,
        queries: &[Query],
        options: SearchOptions,
    ) -> Result<Vec<Vec<Hit>>, SearchError> {
        let mut vectors = Vec::with_capacity(queries.len() * self.index.dim());
        for (index, query) in queries.iter().enumerate() {
            let fault = |cause| SearchError::Query { index, cause };
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
        // Each worker keeps its own best: the best of all are among them, whoever scanned what.
        let workers = scan_index(
            self.index,
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

#[cfg(test)]
mod tests;
