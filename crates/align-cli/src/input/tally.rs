//! Progress of a run, and the items that it skips.

use crate::cli::{Global, Skipping};
use crate::failure::Outcome;
use anyhow::Error;
use indicatif::ProgressBar;
use std::fmt::Display;

/// Counts items of one kind as they are read or skipped.
pub(super) struct Tally<'a> {
    global: &'a Global,
    kind: &'static str,
    progress: ProgressBar,
    read: usize,
    skipped: usize,
}

impl<'a> Tally<'a> {
    /// A count of items of a kind. `len` is their number, if it is known.
    pub(super) fn new(global: &'a Global, kind: &'static str, len: Option<usize>) -> Self {
        let progress = match len {
            Some(len) => global.progress(len, kind),
            None => global.counter(kind),
        };
        Self { global, kind, progress, read: 0, skipped: 0 }
    }

    /// Counts items that were read.
    pub(super) fn read(&mut self, count: usize) {
        self.read += count;
        self.progress.inc(count as u64);
    }

    /// Reports an item that is skipped.
    pub(super) fn skip(&mut self, name: impl Display, error: &Error) {
        let (name, error) = (name.to_string(), format!("{error:#}"));
        let message = if error.contains(&name) { error } else { format!("{name}: {error}") };
        self.progress.suspend(|| eprintln!("error: {message}"));
        self.progress.inc(1);
        self.skipped += 1;
    }

    /// The outcome of the run.
    pub(super) fn finish(self, skipping: &Skipping) -> Outcome {
        self.progress.finish_and_clear();
        if self.skipped == 0 {
            return Outcome::Done;
        }
        let (all, kind) = (self.read + self.skipped, self.kind);
        self.global.remark(format_args!("{} of {all} {kind} skipped", self.skipped));
        if skipping.keep_going { Outcome::Done } else { Outcome::Incomplete }
    }
}
