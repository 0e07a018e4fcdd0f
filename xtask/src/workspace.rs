//! Where things lie.

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// The data that tests read.
pub(crate) fn fixtures() -> PathBuf {
    root().join("fixtures")
}

/// The oracle's scripts.
pub(crate) fn scripts() -> PathBuf {
    root().join("xtask/python")
}
