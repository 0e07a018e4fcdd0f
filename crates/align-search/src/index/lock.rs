//! At most one writer.

use super::error::IndexError;
use super::files::LOCK;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held while an index is written; the system gives it back when the process ends, however it ends.
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
        // Closing the file gives the lock back too: this only says so.
        let _ = self.0.unlock();
    }
}
