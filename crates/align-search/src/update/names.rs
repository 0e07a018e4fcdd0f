//! The names of files in an index: their paths as they were given. Relative paths count from the base
//! of the index.

use crate::index::IndexWriter;
use std::io;
use std::path::{Component, Path, PathBuf};

pub(super) struct Names {
    /// The folder that relative names count from.
    base: PathBuf,
    /// The current folder, which relative paths count from.
    current: PathBuf,
}

impl Names {
    pub(super) fn new(base: &Path) -> io::Result<Self> {
        Ok(Self { base: base.to_owned(), current: std::env::current_dir()? })
    }

    /// The name of a path, or `None` if it is not UTF-8. It is the name that `writer` has for the
    /// file. For a new file it is the path as given, made absolute if the base is not the current
    /// folder.
    pub(super) fn name(&self, path: &Path, writer: &IndexWriter) -> Option<String> {
        // Components have no `.` and no doubled separators.
        let clean: PathBuf = path.components().filter(|c| *c != Component::CurDir).collect();
        let given = match self.base == self.current {
            true => clean,
            false => self.current.join(clean),
        };
        let other = match given.strip_prefix(&self.base) {
            Ok(relative) => relative.to_owned(),
            Err(_) => self.base.join(&given),
        };
        let (given, other) = (given.into_os_string().into_string().ok()?, other.to_str()?);
        let is_known = |name: &str| writer.known(name).is_some() || writer.failure(name).is_some();
        Some(if !is_known(&given) && is_known(other) { other.to_owned() } else { given })
    }

    /// The path of a name.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// The absolute path.
    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        let absolute = self.current.join(path);
        absolute.components().filter(|c| *c != Component::CurDir).collect()
    }
}
