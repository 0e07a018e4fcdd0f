//! Size and time of change of a file. If both are the same, the file counts as unchanged.

use std::fs::Metadata;
use std::io;
use std::time::{Duration, UNIX_EPOCH};

/// The size in bytes, and the time of change in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) size: u64,
    pub(super) mtime: i64,
}

impl Stat {
    pub(super) fn from_metadata(metadata: &Metadata) -> io::Result<Self> {
        let modified = metadata.modified()?;
        let mtime = match modified.duration_since(UNIX_EPOCH) {
            Ok(after) => nanoseconds(after),
            Err(before) => -nanoseconds(before.duration()),
        };
        Ok(Self { size: metadata.len(), mtime })
    }
}

/// The duration in nanoseconds. Durations of more than 292 years saturate.
fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
