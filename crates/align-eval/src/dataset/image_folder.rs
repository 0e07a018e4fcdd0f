//! A folder with one folder for each class.

use super::error::DatasetError;
use align_processor::decode::{SIGNATURE, has_image_name, is_image};
use align_processor::files::walk;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The folders in a folder, with their names and sorted by them. Links to folders count, hidden
/// folders do not.
pub(super) fn class_folders(path: &Path) -> Result<Vec<(String, PathBuf)>, DatasetError> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(path).map_err(DatasetError::io(path))? {
        let folder = entry.map_err(DatasetError::io(path))?.path();
        if !folder.is_dir() {
            continue;
        }
        match folder.file_name().and_then(|name| name.to_str()) {
            Some(name) if name.starts_with('.') => {}
            Some(name) => folders.push((name.to_owned(), folder)),
            None => return Err(DatasetError::FolderName { path: folder }),
        }
    }
    if folders.is_empty() {
        return Err(DatasetError::NoClassFolders { path: path.into() });
    }
    folders.sort();
    Ok(folders)
}

/// The images in a folder and in the folders below it, sorted by name.
pub(super) fn images(path: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let found = walk(&[path.to_owned()], Path::new(""));
    if let Some((path, source)) = found.unreadable.into_iter().next() {
        return Err(DatasetError::Io { path, source });
    }
    let mut images = Vec::new();
    for file in found.files {
        if is_image_file(&file.path)? {
            images.push(file.path);
        }
    }
    if images.is_empty() {
        return Err(DatasetError::NoImages { path: path.into() });
    }
    Ok(images)
}

/// Whether a file is an image by its name or its content. The name counts too, so that an image
/// whose first bytes are damaged is reported later and not ignored.
fn is_image_file(path: &Path) -> Result<bool, DatasetError> {
    if has_image_name(path) {
        return Ok(true);
    }
    let mut beginning = Vec::with_capacity(SIGNATURE);
    let read = |file: File| file.take(SIGNATURE as u64).read_to_end(&mut beginning);
    File::open(path).and_then(read).map_err(DatasetError::io(path))?;
    Ok(is_image(&beginning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::labelled::LabelledImages;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    /// A folder with these files.
    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    fn read(folder: &Path) -> (Vec<String>, Vec<(String, usize)>) {
        let data = LabelledImages::open(folder).unwrap();
        let name = |path: &PathBuf| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        let images = data.paths.iter().map(name).zip(data.labels).collect();
        (data.classes, images)
    }

    #[test]
    fn classes_are_sorted_folders_and_images_are_told_by_content() {
        let folder = folder(&[
            ("dog/2", PNG),
            ("dog/deep/er/1.png", PNG),
            ("dog/notes.txt", b"what they are"),
            ("cat/b.png", b"damaged"),
            ("cat/a.webp", b""),
            ("Owl/x", PNG),
            ("cat/.hidden.png", PNG),
            (".checkpoints/x.png", PNG),
            ("top.png", PNG),
            ("classes.txt", b"bird\ncat\ndog\n"),
        ]);
        let (classes, images) = read(folder.path());
        assert_eq!(classes, ["Owl", "cat", "dog"]);
        let expected = [
            ("Owl/x", 0),
            ("cat/a.webp", 1),
            ("cat/b.png", 1),
            ("dog/2", 2),
            ("dog/deep/er/1.png", 2),
        ];
        assert_eq!(images, expected.map(|(name, label)| (name.to_owned(), label)));
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = |files: &[(&str, &[u8])]| {
            let folder = folder(files);
            let error = LabelledImages::open(folder.path()).unwrap_err().to_string();
            error.replace(folder.path().to_str().unwrap(), "data")
        };
        assert_eq!(error(&[("a.png", PNG)]), "data: expected a folder for each class, found none");
        let empty = error(&[("a/a.png", PNG), ("b/notes.txt", b"none")]);
        assert_eq!(empty, "data/b: expected at least one image, found none");
    }

    #[cfg(unix)]
    #[test]
    fn classes_may_be_links() {
        use std::os::unix::fs::symlink;
        let (elsewhere, data) = (folder(&[("1.png", PNG)]), folder(&[("b/2.png", PNG)]));
        symlink(elsewhere.path(), data.path().join("a")).unwrap();
        symlink(data.path(), data.path().join("b/up")).unwrap();
        let (classes, images) = read(data.path());
        assert_eq!(classes, ["a", "b"]);
        assert_eq!(images, [("a/1.png".to_owned(), 0), ("b/2.png".to_owned(), 1)]);
    }
}
