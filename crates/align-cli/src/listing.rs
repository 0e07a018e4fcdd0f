//! Output of lists of items: as records, or as paths alone.

use crate::cli::Global;
use crate::output::{Record, Records};
use std::io::{self, BufWriter, StdoutLock, Write, stdout};

/// A record about an item of an index.
pub(crate) trait ItemRecord: Record {
    /// The item's path or text.
    fn item(&self) -> &str;

    /// The number of its list, which is a query or a group.
    fn list(&self) -> usize;
}

/// Writes items to standard output.
pub(crate) enum Listing {
    Records(Records),
    /// One path per line. If `is_apart`, an empty line separates lists.
    Paths {
        out: BufWriter<StdoutLock<'static>>,
        is_apart: bool,
        last: Option<usize>,
    },
}

impl Listing {
    /// A listing in the requested format. If `is_apart`, an empty line separates lists of paths.
    pub(crate) fn new(global: &Global, is_apart: bool) -> Self {
        match global.wants_paths() {
            true => {
                let out = BufWriter::new(stdout().lock());
                Self::Paths { out, is_apart, last: None }
            }
            false => Self::Records(Records::new(global.format())),
        }
    }

    pub(crate) fn write(&mut self, record: &impl ItemRecord) -> io::Result<()> {
        match self {
            Self::Records(records) => records.write(record),
            Self::Paths { out, is_apart, last } => {
                let before = last.replace(record.list());
                if *is_apart && before.is_some_and(|before| before != record.list()) {
                    writeln!(out)?;
                }
                writeln!(out, "{}", record.item())
            }
        }
    }

    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Records(records) => records.finish(),
            Self::Paths { mut out, .. } => out.flush(),
        }
    }
}
