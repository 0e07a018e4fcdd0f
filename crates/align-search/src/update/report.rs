//! Progress and result of an update.

use serde::Serialize;

/// An event during an update.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The number of files or texts that have to be read.
    Planned(usize),
    /// A number of them is done.
    Done(usize),
    /// A file is left out.
    LeftOut {
        /// Its path.
        path: &'a str,
        /// The reason.
        reason: &'a str,
    },
}

/// The result of an update, in numbers of files or texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the index now.
    pub items: usize,
    /// Embedded by this run.
    pub embedded: usize,
    /// Unchanged, and so not read.
    pub kept: usize,
    /// New or changed, but with a content that was embedded before.
    pub recognised: usize,
    /// Dropped because they no longer exist.
    pub dropped: usize,
    /// Files that could not be embedded or read.
    pub failed: usize,
    /// Files that could not be embedded in an earlier run. They have not changed and are not tried
    /// again.
    pub failed_before: usize,
    /// Files in the folders that are not images.
    pub other_files: usize,
}
