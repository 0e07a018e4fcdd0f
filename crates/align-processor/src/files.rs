//! The files in folders, before any of them is opened.
//!
//! Indexes and data sets both begin with a walk over folders of images. It is here, in the crate
//! of image files, because it knows nothing of either.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The files found at some paths, and the paths that could not be walked.
#[derive(Debug, Default)]
pub struct Walk {
    /// The files of each path in turn. Files of a folder are sorted by name.
    pub files: Vec<FoundFile>,
    /// The paths that were walked. A file below them that was not found no longer exists.
    pub roots: Vec<PathBuf>,
    /// Paths that do not exist.
    pub missing: Vec<PathBuf>,
    /// Files and folders that could not be examined, and why. Their contents are unknown.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

/// A file that a walk found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path.
    pub path: PathBuf,
    /// Whether the caller named this file. Other files were found in a folder and may be of any
    /// kind.
    pub is_named: bool,
}

/// Finds the files at `paths` and in the folders below them.
///
/// - Links to files count as files. A link to a folder is followed only if it is one of `paths`, so
///   that no folder is found twice and no walk goes in circles.
/// - Files and folders whose names begin with a dot are left out unless they are among `paths`.
/// - The folder `except` is left out, so that an index may lie among the files that it lists.
///
/// Only folders are read. The kind of a file is not checked.
pub fn walk(paths: &[PathBuf], except: &Path) -> Walk {
    let except = except.canonicalize().ok();
    let mut walk = Walk { roots: paths.to_vec(), ..Walk::default() };
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => walk.folder(path, except.as_deref()),
            Ok(metadata) if metadata.is_file() => {
                walk.files.push(FoundFile { path: path.clone(), is_named: true });
            }
            Ok(_) => {
                let error = io::Error::new(ErrorKind::InvalidInput, "neither a file nor a folder");
                walk.unreadable.push((path.clone(), error));
            }
            Err(error) if is_absence(&error) => walk.missing.push(path.clone()),
            Err(error) => walk.unreadable.push((path.clone(), error)),
        }
    }
    walk
}

/// Whether an error says that a path does not exist.
pub fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl Walk {
    fn folder(&mut self, root: &Path, except: Option<&Path>) {
        let is_wanted = |entry: &DirEntry| {
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let is_except = |entry: &DirEntry| {
                // Resolving a path costs a system call, so the name is compared first.
                entry.file_type().is_dir()
                    && except.and_then(Path::file_name) == Some(entry.file_name())
                    && entry.path().canonicalize().ok().as_deref() == except
            };
            entry.depth() == 0 || !is_hidden && !is_except(entry)
        };
        let entries = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(is_wanted);
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    // The message of walkdir repeats the path. Only a loop has no cause, and no
                    // link is followed here.
                    let source = error.into_io_error();
                    let source = source.unwrap_or_else(|| io::Error::other("a loop of links"));
                    self.unreadable.push((path, source));
                    continue;
                }
            };
            let kind = entry.file_type();
            if kind.is_file() {
                self.files.push(FoundFile { path: entry.into_path(), is_named: false });
            } else if kind.is_symlink() && entry.depth() > 0 {
                match fs::metadata(entry.path()) {
                    Ok(metadata) if metadata.is_file() => {
                        self.files.push(FoundFile { path: entry.into_path(), is_named: false });
                    }
                    // A folder, a device, or a broken link.
                    Ok(_) => {}
                    Err(error) if is_absence(&error) => {}
                    Err(error) => self.unreadable.push((entry.into_path(), error)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(walk: &Walk, root: &Path) -> Vec<String> {
        let name = |found: &FoundFile| {
            found.path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/")
        };
        walk.files.iter().map(name).collect()
    }

    #[test]
    fn folders_are_walked_in_order_without_what_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in [
            "b/2.png",
            "b/1.png",
            "a.txt",
            "c/d/e.png",
            ".git/x.png",
            "b/.3.png",
            "index/z.png",
            "c/index/y.png",
        ] {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "").unwrap();
        }
        let found = walk(&[root.to_owned()], &root.join("index"));
        assert_eq!(
            names(&found, root),
            ["a.txt", "b/1.png", "b/2.png", "c/d/e.png", "c/index/y.png"]
        );
        assert!(found.files.iter().all(|found| !found.is_named));

        let hidden =
            [root.join("b/.3.png"), root.join(".git"), root.join("nothing"), root.join("a.txt/x")];
        let found = walk(&hidden, &root.join("index"));
        assert_eq!(names(&found, root), ["b/.3.png", ".git/x.png"]);
        assert!(found.files[0].is_named && !found.files[1].is_named);
        assert_eq!((&found.missing[..], found.unreadable.len()), (&hidden[2..], 0));
    }

    #[cfg(unix)]
    #[test]
    fn links_to_files_are_followed_and_circles_are_not() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("a")).unwrap();
        fs::write(root.join("a/x.png"), "").unwrap();
        symlink(root, root.join("a/up")).unwrap();
        symlink(root.join("a/x.png"), root.join("link.png")).unwrap();
        symlink(root.join("nowhere"), root.join("broken.png")).unwrap();
        symlink(root.join("a"), root.join("to-a")).unwrap();
        let found = walk(&[root.to_owned()], Path::new(""));
        assert_eq!(names(&found, root), ["a/x.png", "link.png"]);
        assert!(found.unreadable.is_empty() && found.missing.is_empty());
        let found = walk(&[root.join("to-a")], Path::new(""));
        assert_eq!(names(&found, root), ["to-a/x.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_neither_file_nor_folder_is_said() {
        let found = walk(&[PathBuf::from("/dev/null")], Path::new(""));
        assert!(found.files.is_empty());
        assert!(found.unreadable[0].1.to_string().contains("neither a file nor a folder"));
    }
}
