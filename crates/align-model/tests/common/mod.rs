//! Helpers of the integration tests: golden files, folders and options.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod align_base;
pub(crate) mod checkpoint;
pub(crate) mod golden;

use align_model::{Isa, LoadOptions, Runtime, Threads};
use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The project's folder of fixtures.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// A tiny checkpoint's folder.
pub(crate) fn tiny(name: &str) -> PathBuf {
    fixtures().join("tiny").join(name)
}

/// The messages of an error and of its sources, joined by colons.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(Some(error), |&error| error.source());
    sources.map(|error| error.to_string()).collect::<Vec<_>>().join(": ")
}

/// Load options for one instruction set and number of threads.
pub(crate) fn load_options(isa: Isa, threads: usize) -> LoadOptions {
    let threads = Threads::new(NonZeroUsize::new(threads).unwrap());
    let runtime = Runtime::new().unwrap().with_isa(isa).with_threads(threads);
    LoadOptions::from_runtime(runtime)
}
