//! Size and time of change: what tells at once that a file is as it was.

use std::fs::Metadata;
use std::io;
use std::time::{Duration, UNIX_EPOCH};

/// Size in bytes, and time of change in nanoseconds since 1970.
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

/// Times that do not fit, centuries away, are as good as the last that does.
fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
