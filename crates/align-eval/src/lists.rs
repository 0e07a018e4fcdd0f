//! Lists: texts with an entry on each line.

use std::io::{self, BufRead};

/// The entries of a list, each with the number of its line from 1. Spaces around an entry are
/// removed, and blank lines are left out.
///
/// # Errors
/// The entry of a line is an error if the line cannot be read or is not UTF-8.
///
/// ```
/// use align_eval::lists::numbered_entries;
///
/// let entries = numbered_entries("a cat\n\n  a dog\r\n".as_bytes());
/// let entries = entries.collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(entries, [(1, "a cat".to_owned()), (3, "a dog".to_owned())]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn numbered_entries(reader: impl BufRead) -> impl Iterator<Item = io::Result<(usize, String)>> {
    (1..)
        .zip(reader.lines())
        .map(|(number, line)| Ok((number, line?.trim().to_owned())))
        .filter(|entry| entry.as_ref().map_or(true, |(_, entry)| !entry.is_empty()))
}
