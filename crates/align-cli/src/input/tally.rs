//! How far a run has come, and what it had to leave out.

use crate::cli::{Global, Skipping};
use crate::failure::Outcome;
use indicatif::ProgressBar;
use std::fmt::Display;

/// Counts things of one kind that are read one after another.
pub(super) struct Tally<'a> {
    global: &'a Global,
    kind: &'static str,
    progress: ProgressBar,
    read: usize,
    skipped: usize,
}

impl<'a> Tally<'a> {
    /// Begins to count things of a kind, `len` of them if that is known.
    pub(super) fn new(global: &'a Global, kind: &'static str, len: Option<usize>) -> Self {
        let progress = match len {
            Some(len) => global.progress(len, kind),
            None => global.counter(kind),
        };
        Self { global, kind, progress, read: 0, skipped: 0 }
    }

    /// Counts some that were read.
    pub(super) fn read(&mut self, count: usize) {
        self.read += count;
        self.progress.inc(count as u64);
    }

    /// Reports one that is left out.
    pub(super) fn skip(&mut self, name: impl Display, error: impl Display) {
        let (name, error) = (name.to_string(), format!("{error:#}"));
        let message = if error.contains(&name) { error } else { format!("{name}: {error}") };
        self.progress.suspend(|| eprintln!("error: {message}"));
        self.progress.inc(1);
        self.skipped += 1;
    }

    /// What the run comes to.
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
