//! The lock that admits one writer.

use super::error::IndexError;
use super::files::LOCK;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// A lock that is held while an index is written. The system releases it when the process ends, even
/// if it is killed.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    pub(super) fn take(folder: &Path) -> Result<Self, IndexError> {
        let path = folder.join(LOCK);
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(IndexError::io(&path, "write"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(IndexError::Locked { lock: path }),
            Err(TryLockError::Error(source)) => {
                Err(IndexError::Io { path, action: "lock", source })
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would release the lock too. This makes it explicit.
        let _ = self.0.unlock();
    }
}
