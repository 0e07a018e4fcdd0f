//! Messages of errors as text, to be stored or handed on.

use std::error::Error;

/// The message of an error, followed by those of its sources.
pub(crate) fn full_message(error: &dyn Error) -> String {
    let sources = std::iter::successors(error.source(), |&error| error.source());
    sources.fold(error.to_string(), |message, source| format!("{message}: {source}"))
}
