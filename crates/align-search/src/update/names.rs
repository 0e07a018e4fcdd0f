//! The names that an index has for files: their paths as they were given, relative ones from the
//! index's base.

use crate::index::IndexWriter;
use std::io;
use std::path::{Component, Path, PathBuf};

pub(super) struct Names {
    /// Where relative names count from.
    base: PathBuf,
    /// Where relative paths count from.
    current: PathBuf,
}

impl Names {
    pub(super) fn new(base: &Path) -> io::Result<Self> {
        Ok(Self { base: base.to_owned(), current: std::env::current_dir()? })
    }

    /// The name of a path: the one that `writer` knows it by, else the path as it is given, if the
    /// index counts from the same folder. `None` where it is not UTF-8.
    pub(super) fn name(&self, path: &Path, writer: &IndexWriter) -> Option<String> {
        // Without `./`, also within, and doubled separators.
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

    /// A path as it counts from the root.
    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        let absolute = self.current.join(path);
        absolute.components().filter(|c| *c != Component::CurDir).collect()
    }
}
