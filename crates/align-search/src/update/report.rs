//! What is said of an update, during and after it.

use serde::Serialize;

/// Something that an update has come to.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// So many files or texts have to be looked into.
    Planned(usize),
    /// So many of them are done.
    Done(usize),
    /// A file that is left out, and why.
    LeftOut {
        /// Its path.
        path: &'a str,
        /// What is wrong with it.
        reason: &'a str,
    },
}

/// What an update came to, in files or texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the index now.
    pub items: usize,
    /// Embedded by this run.
    pub embedded: usize,
    /// Unchanged: not looked into.
    pub kept: usize,
    /// New or changed, but of a content that was embedded before.
    pub recognised: usize,
    /// No longer there: dropped.
    pub dropped: usize,
    /// Files that could not be embedded, or read at all.
    pub failed: usize,
    /// Files that could not be embedded before and have not changed since: not tried again.
    pub failed_before: usize,
    /// Files that a walk came across and that are no images.
    pub other_files: usize,
}
