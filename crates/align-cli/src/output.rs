//! Output of results: records to standard output, and files written atomically.

use crate::cli::Format;
use anyhow::Result;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, StdoutLock, Write, stdout};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// A result that can be shown as JSON or as text for people.
pub(crate) trait Record: Serialize {
    /// Writes the text for people.
    fn table(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// Writes records to standard output in one of the formats.
pub(crate) struct Records {
    out: BufWriter<StdoutLock<'static>>,
    format: Format,
    written: usize,
}

impl Records {
    pub(crate) fn new(format: Format) -> Self {
        Self { out: BufWriter::new(stdout().lock()), format, written: 0 }
    }

    /// Writes one record of a list.
    pub(crate) fn write(&mut self, record: &impl Record) -> io::Result<()> {
        match self.format {
            Format::Table => record.table(&mut self.out)?,
            Format::Jsonl => writeln!(self.out, "{}", json(record)?)?,
            Format::Json => {
                let before = if self.written == 0 { "[" } else { "," };
                write!(self.out, "{before}\n{}", json(record)?)?;
            }
        }
        self.written += 1;
        // A record is shown as soon as it is known, not when the buffer is full.
        if self.format == Format::Json { Ok(()) } else { self.out.flush() }
    }

    /// Ends the list.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.format == Format::Json {
            let end = if self.written == 0 { "[]" } else { "\n]" };
            writeln!(self.out, "{end}")?;
        }
        self.out.flush()
    }

    /// Writes the only record of a command. In JSON it is a single value and not a list.
    pub(crate) fn only(format: Format, record: &impl Record) -> io::Result<()> {
        let format = if format == Format::Json { Format::Jsonl } else { format };
        Self::new(format).write(record)
    }
}

fn json(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// Writes a file atomically: it is complete or absent.
pub(crate) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut OutputFile) -> Result<()>,
) -> Result<()> {
    let mut file = OutputFile::create(path)?;
    write(&mut file)?;
    Ok(file.commit()?)
}

/// A file that is written atomically. The bytes go to a temporary file in the same folder, which is
/// renamed once it is complete. Errors name the file.
pub(crate) struct OutputFile {
    path: PathBuf,
    temporary: BufWriter<File>,
    /// Removes the temporary file unless it is committed.
    name: TempPath,
}

impl OutputFile {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let temporary = NamedTempFile::new_in(folder(path)).map_err(|e| cannot_write(path, e))?;
        let (file, name) = temporary.into_parts();
        Ok(Self { path: path.to_owned(), temporary: BufWriter::new(file), name })
    }

    /// A file without a name in the same folder, for data that is needed later.
    pub(crate) fn unnamed_file(&self) -> io::Result<File> {
        tempfile::tempfile_in(folder(&self.path)).map_err(|e| self.cannot_write(e))
    }

    /// Replaces the first bytes of the file.
    pub(crate) fn overwrite_start(&mut self, bytes: &[u8]) -> io::Result<()> {
        let replaced = self.temporary.rewind().and_then(|()| self.temporary.write_all(bytes));
        let end = replaced.and_then(|()| self.temporary.seek(SeekFrom::End(0)));
        end.map(drop).map_err(|error| self.cannot_write(error))
    }

    /// The error of writing this file, or an unnamed file that belongs to it.
    pub(crate) fn cannot_write(&self, error: io::Error) -> io::Error {
        cannot_write(&self.path, error)
    }

    /// Completes the file and renames it.
    pub(crate) fn commit(self) -> io::Result<()> {
        let Self { path, temporary, name } = self;
        let committed = (|| {
            share(&temporary.into_inner()?)?;
            name.persist(&path)?;
            Ok(())
        })();
        committed.map_err(|error| cannot_write(&path, error))
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes).map_err(|error| cannot_write(&self.path, error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush().map_err(|error| cannot_write(&self.path, error))
    }
}

/// The folder of a file.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn cannot_write(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: cannot write: {error}", path.display()))
}

/// Sets the permissions of an ordinary new file. Only its owner may read a temporary file.
#[cfg(unix)]
fn share(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_: &File) -> io::Result<()> {
    Ok(())
}
