//! How results are written: records to standard output, files in one piece.

use crate::cli::Format;
use anyhow::{Result, anyhow};
use serde::Serialize;
use std::io::{self, BufWriter, StdoutLock, Write, stdout};
use std::path::Path;
use tempfile::NamedTempFile;

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

/// Writes a file so that it is there in full or not at all: to a temporary beside it, which then
/// takes its name.
pub(crate) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut NamedTempFile>) -> Result<()>,
) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = (|| {
        let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        let mut buffer = BufWriter::new(&mut file);
        write(&mut buffer)?;
        buffer.flush()?;
        drop(buffer);
        share(&file)?;
        file.persist(path)?;
        Ok(())
    })();
    written.map_err(|error: anyhow::Error| anyhow!("{}: cannot write: {error}", path.display()))
}

/// Gives a temporary, which only its owner may read, the permissions of an ordinary new file.
#[cfg(unix)]
fn share(file: &NamedTempFile) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_: &NamedTempFile) -> io::Result<()> {
    Ok(())
}
