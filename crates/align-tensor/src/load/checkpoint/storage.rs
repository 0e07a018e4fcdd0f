//! The bytes of a file: mapped into memory, read piece by piece, or held by the program.

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

/// How the bytes of a checkpoint come into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadMode {
    /// The files are mapped: nothing is copied, and the system reads pages
    /// when they are touched and drops them when it needs the room.
    ///
    /// The files must not change while the checkpoint is open. If another
    /// process writes into a mapped file, weights read afterwards may be old,
    /// new or mixed; if it cuts the file short, touching a lost page ends this
    /// process (`SIGBUS` on Unix). Replacing a file by renaming another over
    /// it, as downloads and savers commonly do, is harmless: the map keeps the
    /// old one. Choose [`ReadMode::Read`] where that cannot be relied on, as
    /// on network disks.
    #[default]
    Mmap,
    /// Each tensor is read into memory of its own when it is asked for. A file
    /// that was cut short since it was opened is an error, not a crash.
    Read,
}

/// The bytes of a file, of known length.
#[derive(Debug)]
pub(super) enum Storage {
    Mapped(MappedFile),
    /// Reads share one cursor, hence the lock; each seeks before it reads.
    File {
        file: Mutex<File>,
        length: u64,
    },
    /// A file that was never one, or is part of the program.
    Bytes(Cow<'static, [u8]>),
}

impl Storage {
    pub(super) fn open(path: &Path, mode: ReadMode) -> Result<Self, CheckpointError> {
        let io_error = |cause| CheckpointError::Io { file: path.to_path_buf(), cause };
        // Asked before opening: opening a pipe would wait for its writer.
        if !path.metadata().map_err(io_error)?.is_file() {
            return Err(CheckpointError::NotAFile { file: path.to_path_buf() });
        }
        let file = File::open(path).map_err(io_error)?;
        match mode {
            ReadMode::Mmap => MappedFile::of(&file).map(Self::Mapped),
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
        // So that no read allocates more than the file holds.
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
