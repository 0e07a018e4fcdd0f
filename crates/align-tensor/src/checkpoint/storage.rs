//! The bytes of a file: mapped into memory, or read piece by piece.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytemuck::Pod;
use half::{bf16, f16};
use memmap2::Mmap;

use super::CheckpointError;

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

/// An open file of known length.
#[derive(Debug)]
pub(super) enum Storage {
    Mapped(Mmap),
    /// Reads share one cursor, hence the lock; each seeks before it reads.
    File {
        file: Mutex<File>,
        length: u64,
    },
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
            ReadMode::Mmap => map(&file).map(Self::Mapped),
            ReadMode::Read => file
                .metadata()
                .map(|metadata| Self::File { file: Mutex::new(file), length: metadata.len() }),
        }
        .map_err(io_error)
    }

    /// The file's length in bytes when it was opened.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Mapped(map) => map.len() as u64,
            Self::File { length, .. } => *length,
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
        let mut elements = match self {
            Self::Mapped(map) => {
                // Lossless: the range is inside a slice.
                let bytes = &map[bytes.start as usize..bytes.end as usize];
                match bytemuck::try_cast_slice::<u8, T>(bytes) {
                    Ok(elements) => Cow::Borrowed(elements),
                    Err(_) => Cow::Owned(filled(bytes.len() as u64, |into| {
                        into.copy_from_slice(bytes);
                        Ok(())
                    })?),
                }
            }
            Self::File { file, .. } => Cow::Owned(filled(bytes.end - bytes.start, |into| {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(bytes.start))?;
                file.read_exact(into)
            })?),
        };
        if cfg!(target_endian = "big") {
            elements.to_mut().iter_mut().for_each(|x| *x = x.to_native_order());
        }
        Ok(elements)
    }

    /// Lets the system drop the mapped pages of a range of bytes. A page that
    /// the range only shares with its neighbours goes too, and comes back from
    /// the file when it is next touched.
    pub(super) fn release(&self, bytes: Range<u64>) {
        #[cfg(unix)]
        if let Self::Mapped(map) = self {
            let (start, length) = (bytes.start as usize, (bytes.end - bytes.start) as usize);
            // SAFETY: the duty is that no memory changes under Rust's feet.
            // The map is read-only and backed by a file, so its pages hold
            // nothing but the file's bytes: dropped pages are filled from the
            // file again when touched, and slices borrowed from the map stay
            // valid and keep their values. That the file itself does not
            // change is the duty taken on in `map`.
            let advised = unsafe {
                map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, length)
            };
            // It is advice: a system that does not take it has lost nothing.
            let _ = advised;
        }
        #[cfg(not(unix))]
        let _ = bytes;
    }
}

/// Maps a file for reading.
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the duty is that nobody changes the file while it is mapped,
    // since a `&[u8]` promises bytes that stay as they are. No code can enforce
    // this against other processes, so it is passed on to the user in the
    // documentation of `ReadMode::Mmap`, with `ReadMode::Read` as the way out;
    // this crate never writes to a file that it reads. What a broken promise
    // can do is kept small: the header is copied before it is checked, sizes
    // are held against the length that was mapped, and all bit patterns of a
    // weight are valid.
    unsafe { Mmap::map(file) }
}

/// `length` bytes of new elements, filled by `fill`.
fn filled<T: Element>(
    length: u64,
    fill: impl FnOnce(&mut [u8]) -> io::Result<()>,
) -> io::Result<Vec<T>> {
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut elements = zeroed(length / size_of::<T>())?;
    fill(bytemuck::cast_slice_mut(&mut elements))?;
    Ok(elements)
}

/// `count` zeros, or an error where `vec!` would end the process.
pub(super) fn zeroed<T: Pod>(count: usize) -> io::Result<Vec<T>> {
    let mut elements = Vec::new();
    elements.try_reserve_exact(count)?;
    elements.resize(count, T::zeroed());
    Ok(elements)
}

/// What files hold in little-endian order.
pub(super) trait Element: Pod {
    /// The value whose bytes were read in little-endian order.
    fn to_native_order(self) -> Self;
}

impl Element for u8 {
    fn to_native_order(self) -> Self {
        self
    }
}

impl Element for i8 {
    fn to_native_order(self) -> Self {
        self
    }
}

impl Element for u64 {
    fn to_native_order(self) -> Self {
        Self::from_le(self)
    }
}

impl Element for f32 {
    fn to_native_order(self) -> Self {
        Self::from_bits(u32::from_le(self.to_bits()))
    }
}

impl Element for f16 {
    fn to_native_order(self) -> Self {
        Self::from_bits(u16::from_le(self.to_bits()))
    }
}

impl Element for bf16 {
    fn to_native_order(self) -> Self {
        Self::from_bits(u16::from_le(self.to_bits()))
    }
}
