//! Errors of a search.

use crate::index::IndexError;
use crate::query::QueryError;

/// Why a search failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A query cannot be searched for.
    #[error("query {index}")]
    Query {
        /// The number of the query, from 0.
        index: usize,
        /// The fault of the query.
        source: QueryError,
    },
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
}
