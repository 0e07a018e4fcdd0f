//! Files that are mapped into memory.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

use crate::number::elements;
use crate::number::elements::Element;

/// A file that is mapped into memory. Nothing is copied: the system reads a page when it is first
/// used and drops it when memory is short.
///
/// The bytes that are read must not change while the file is mapped. If another process overwrites
/// them, bytes that are read afterwards may be old, new or mixed. If it cuts the file short,
/// reading a lost page ends this process (`SIGBUS` on Unix). It is harmless to replace the file by
/// renaming another over it, to remove it, and to append to it.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("values");
/// std::fs::write(&path, [1.5f32, -2.0].map(f32::to_le_bytes).concat())?;
/// let file = align_tensor::MappedFile::open(&path)?;
/// assert_eq!(*file.elements::<f32>(0..8)?, [1.5, -2.0]);
/// assert!(file.elements::<f32>(4..12).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct MappedFile(Mmap);

impl MappedFile {
    /// Maps a file for reading.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be read or mapped.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        // Checked before opening, because opening a pipe would wait for its writer.
        if !path.as_ref().metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Self::from_file(&File::open(path)?)
    }

    /// Maps an open file for reading.
    ///
    /// # Errors
    /// If it cannot be mapped.
    pub fn from_file(file: &File) -> io::Result<Self> {
        // SAFETY: the duty is that nothing changes the file while it is mapped, since the bytes of
        // a `&[u8]` must not change. No code can enforce this against other processes, so the
        // documentation of this type and of `ReadMode::Mmap` passes the duty on to the user. This
        // crate never writes to a file that it reads. The effect of a violation is kept small:
        // readers copy headers before they check them, check sizes against the mapped length, and
        // accept every bit pattern of an element.
        unsafe { Mmap::map(file) }.map(Self)
    }

    /// The file's length in bytes when it was mapped.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether the file was empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The little-endian elements in a range of bytes, borrowed if they are aligned and in the
    /// byte order of this machine. The range's length must be a multiple of the element's size.
    ///
    /// # Errors
    /// If the range reaches beyond the file, or there is no memory for a copy.
    pub fn elements<T: Element>(&self, bytes: Range<u64>) -> io::Result<Cow<'_, [T]>> {
        elements::in_range(&self.0, bytes)
    }

    /// Lets the system drop the pages of a range of bytes, including pages that are only partly in
    /// the range. A page is read from the file again when it is next used. The part of the range
    /// beyond the end of the file is ignored.
    pub fn release(&self, bytes: Range<u64>) {
        #[cfg(unix)]
        {
            let end = bytes.end.min(self.len());
            let start = bytes.start.min(end);
            let (start, length) = (start as usize, (end - start) as usize);
            // SAFETY: the duty is that no memory changes while it is borrowed. The map is read-only
            // and backed by a file, so its pages hold nothing but the file's bytes. Dropped pages
            // are filled from the file again, so slices borrowed from the map stay valid and keep
            // their values. `from_file` has taken on the duty that the file does not change. The
            // range is within the map, so no other memory is affected.
            let advised = unsafe {
                self.0.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, length)
            };
            // This is only advice: a system that ignores it still behaves correctly.
            let _ = advised;
        }
        #[cfg(not(unix))]
        let _ = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_at_any_alignment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut bytes = vec![0x7F];
        bytes.extend([3.0f32, f32::INFINITY].map(f32::to_le_bytes).concat());
        std::fs::write(&path, &bytes).unwrap();
        let file = MappedFile::open(&path).unwrap();
        assert_eq!((file.len(), file.bytes(), file.is_empty()), (9, &bytes[..], false));
        assert_eq!(*file.elements::<f32>(1..9).unwrap(), [3.0, f32::INFINITY]);
        file.release(0..9);
        file.release(3..1 << 40);
        file.release(Range { start: 1 << 40, end: 0 });
        assert_eq!(*file.elements::<u8>(0..9).unwrap(), bytes[..]);
        for outside in [8..12, 9..13, Range { start: 4, end: 0 }, 0..u64::MAX - 3] {
            let error = file.elements::<f32>(outside).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn an_empty_file_is_mapped_and_a_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        std::fs::write(&path, "").unwrap();
        let file = MappedFile::open(&path).unwrap();
        assert!(file.is_empty() && file.elements::<f32>(0..0).unwrap().is_empty());
        let error = MappedFile::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
}
