//! Fixtures and comparisons that the tests of several crates share.
//!
//! Crates name this one in `[dev-dependencies]` by its path alone. With a version, packaging would look for a published
//! `align-testing`. It depends on none of the crates that it serves, so their unit tests can use it too.
//!
//! - [`fixtures`], [`tiny`]: folders of the repository;
//! - [`checkpoint`]: a complete checkpoint folder made from a seed;
//! - [`align_base`]: the inputs of the golden file of the published shape;
//! - [`error_chain()`]: the text of an error with its sources;
//! - [`golden`]: golden files of the model, and comparisons with them;
//! - [`processor`]: golden files of the processor.
//!
//! Everything here panics if a fixture is missing or malformed.

#![forbid(unsafe_code)]

pub mod align_base;
pub mod checkpoint;
mod error_chain;
pub mod golden;
pub mod processor;

pub use error_chain::error_chain;
use std::path::{Path, PathBuf};

/// The project's folder of fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// A tiny checkpoint's folder.
pub fn tiny(name: &str) -> PathBuf {
    fixtures().join("tiny").join(name)
}
