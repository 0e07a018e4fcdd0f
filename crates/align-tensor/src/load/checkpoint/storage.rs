//! The bytes of a file: mapped into memory, read piece by piece, or part of the program.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::CheckpointError;
use crate::load::MappedFile;
use crate::number::elements;
use crate::number::elements::{Element, filled};

/// The way in which the bytes of a checkpoint are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadMode {
    /// The files are mapped. Nothing is copied: the system reads a page when it
    /// is first used and drops it when memory is short.
    ///
    /// The files must not change while the checkpoint is open. If another
    /// process writes to a mapped file, weights that are read afterwards may be
    /// old, new or mixed. If it cuts the file short, reading a lost page ends
    /// this process (`SIGBUS` on Unix). Replacing a file by renaming another
    /// over it is harmless, since the map keeps the old file: most downloads
    /// and savers do so. Choose [`ReadMode::Read`] if files may change, for
    /// example on network disks.
    #[default]
    Mmap,
    /// Each tensor is read into its own memory on demand. If a file has been cut
    /// short since it was opened, that is an error and not a crash.
    Read,
}

/// The bytes of a file, of known length.
#[derive(Debug)]
pub(super) enum Storage {
    Mapped(MappedFile),
    /// The lock makes each pair of a seek and a read atomic: all reads share one cursor.
    File {
        file: Mutex<File>,
        length: u64,
    },
    /// Bytes that are not a file, or a file that is part of the program.
    Bytes(Cow<'static, [u8]>),
}

impl Storage {
    pub(super) fn open(path: &Path, mode: ReadMode) -> Result<Self, CheckpointError> {
        let io_error = |source| CheckpointError::Io { file: path.to_path_buf(), source };
        // Checked before opening, because opening a pipe would wait for its writer.
        if !path.metadata().map_err(io_error)?.is_file() {
            return Err(CheckpointError::NotAFile { file: path.to_path_buf() });
        }
        let file = File::open(path).map_err(io_error)?;
        match mode {
            ReadMode::Mmap => MappedFile::from_file(&file).map(Self::Mapped),
            ReadMode::Read => file
                .metadata()
                .map(|metadata| Self::File { file: Mutex::new(file), length: metadata.len() }),
        }
        .map_err(io_error)
    }

    /// The file's length in bytes when it was opened.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Mapped(map) => map.len(),
            Self::File { length, .. } => *length,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// The little-endian elements in a range of bytes, borrowed if they are
    /// mapped, aligned and in the byte order of this machine. The range's
    /// length must be a multiple of the element's size.
    pub(super) fn elements<T: Element>(&self, bytes: Range<u64>) -> io::Result<Cow<'_, [T]>> {
        // No read may allocate more than the size of the file.
        if bytes.start > bytes.end || bytes.end > self.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match self {
            Self::Mapped(map) => map.elements(bytes),
            Self::Bytes(all) => elements::in_range(all, bytes),
            Self::File { file, .. } => {
                let mut elements: Vec<T> = filled(bytes.end - bytes.start, |into| {
                    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                    file.seek(SeekFrom::Start(bytes.start))?;
                    file.read_exact(into)
                })?;
                if cfg!(target_endian = "big") {
                    elements.iter_mut().for_each(|x| *x = x.to_native_order());
                }
                Ok(elements.into())
            }
        }
    }

    /// Lets the system drop the mapped pages of a range of bytes; see [`MappedFile::release`].
    pub(super) fn release(&self, bytes: Range<u64>) {
        if let Self::Mapped(map) = self {
            map.release(bytes);
        }
    }
}
