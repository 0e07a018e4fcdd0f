//! The text of an error with its sources.

use std::error::Error;

/// The messages of an error and of its sources, joined by colons.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(Some(error), |&error| error.source());
    sources.map(|error| error.to_string()).collect::<Vec<_>>().join(": ")
}
