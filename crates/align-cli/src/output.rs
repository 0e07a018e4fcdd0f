//! How results are written: records to standard output, files in one piece.

use crate::cli::Format;
use anyhow::Result;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, StdoutLock, Write, stdout};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// Something that is shown as JSON or to people.
pub(crate) trait Record: Serialize {
    /// Writes it for people.
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
        // A record is worth showing when it is known, not when a buffer happens to be full.
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

    /// Writes the only record of a command: in JSON no list, just the one value.
    pub(crate) fn only(format: Format, record: &impl Record) -> io::Result<()> {
        let format = if format == Format::Json { Format::Jsonl } else { format };
        Self::new(format).write(record)
    }
}

fn json(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// Writes a file so that it is there in full or not at all.
pub(crate) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut OutputFile) -> Result<()>,
) -> Result<()> {
    let mut file = OutputFile::create(path)?;
    write(&mut file)?;
    Ok(file.commit()?)
}

/// A file that is there in full or not at all: a temporary beside it, which takes its name once it
/// is whole. Its errors name it.
pub(crate) struct OutputFile {
    path: PathBuf,
    temporary: BufWriter<File>,
    /// Removes the temporary unless it is made to last.
    name: TempPath,
}

impl OutputFile {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let temporary = NamedTempFile::new_in(folder(path)).map_err(|e| cannot_write(path, e))?;
        let (file, name) = temporary.into_parts();
        Ok(Self { path: path.to_owned(), temporary: BufWriter::new(file), name })
    }

    /// A file without a name on the same disk, for what must wait.
    pub(crate) fn nameless_beside(&self) -> io::Result<File> {
        tempfile::tempfile_in(folder(&self.path)).map_err(|e| self.cannot_write(e))
    }

    /// Replaces the first bytes of what has been written.
    pub(crate) fn overwrite_start(&mut self, bytes: &[u8]) -> io::Result<()> {
        let replaced = self.temporary.rewind().and_then(|()| self.temporary.write_all(bytes));
        let end = replaced.and_then(|()| self.temporary.seek(SeekFrom::End(0)));
        end.map(drop).map_err(|error| self.cannot_write(error))
    }

    /// The error of writing this file or what belongs to it.
    pub(crate) fn cannot_write(&self, error: io::Error) -> io::Error {
        cannot_write(&self.path, error)
    }

    /// Ends the file and gives it its name.
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

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn cannot_write(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: cannot write: {error}", path.display()))
}

/// Gives a temporary, which only its owner may read, the permissions of an ordinary new file.
#[cfg(unix)]
fn share(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_: &File) -> io::Result<()> {
    Ok(())
}
