//! Samples in tar files, as webdataset lays them out: members whose paths agree up to the first dot
//! of the file's name are parts of one sample, and what follows that dot is the part's name.

use super::{Item, MAX_TEXT, Receive};
use anyhow::{Context, Result, anyhow, ensure};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use tar::{Archive, Entries, Entry};

/// Parts that are images by their last extension.
const IMAGES: [&str; 8] = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"];

/// The part that is a caption.
const CAPTION: &str = "txt";

/// The part that has fields.
const FIELDS: &str = "json";

/// The most that may be read to learn of the next member: its header and the long names before it.
const MAX_HEADER: u64 = 1 << 20;

/// The images among the members.
pub(super) fn images(
    path: &Path,
    part: Option<&str>,
    max_bytes: u64,
    receive: &mut Receive<'_, Vec<u8>>,
) -> Result<()> {
    let expected = match part {
        Some(part) => format!("a member named KEY.{part}"),
        None => format!("a member that ends in .{}", IMAGES.join(", .")),
    };
    let wanted = |found: &str| match part {
        Some(part) => found.eq_ignore_ascii_case(part),
        None => IMAGES.contains(&extension(found).as_str()),
    };
    members(path, &wanted, &expected, max_bytes, receive)
}

/// The captions among the members, or in their JSON.
pub(super) fn captions(
    path: &Path,
    field: Option<&str>,
    receive: &mut Receive<'_, String>,
) -> Result<()> {
    let part = if field.is_some() { FIELDS } else { CAPTION };
    let expected = match field {
        Some(_) => format!("a member that ends in .{FIELDS}"),
        None => format!("a member that ends in .{CAPTION} (--column NAME reads .{FIELDS})"),
    };
    let wanted = |found: &str| extension(found) == part;
    members(path, &wanted, &expected, MAX_TEXT, &mut |Item { name, content }| {
        let content = content.and_then(|bytes| match field {
            Some(field) => field_of_json(&bytes, field),
            None => {
                Ok(String::from_utf8(bytes).context("the text is not UTF-8")?.trim().to_owned())
            }
        });
        receive(Item { name, content })
    })
}

/// The text of a field of a JSON object.
fn field_of_json(bytes: &[u8], field: &str) -> Result<String> {
    let value: serde_json::Value = serde_json::from_slice(bytes)?;
    match value.get(field) {
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(anyhow!("field {field:?}: expected a text, found {}", kind(other))),
        None => Err(anyhow!("field {field:?}: expected a text, found no such field")),
    }
}

fn kind(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a text",
        serde_json::Value::Array(_) => "a list",
        serde_json::Value::Object(_) => "an object",
    }
}

/// Hands on the members whose part is `wanted`; `expected` says which these are.
fn members(
    path: &Path,
    wanted: &dyn Fn(&str) -> bool,
    expected: &str,
    max_bytes: u64,
    receive: &mut Receive<'_, Vec<u8>>,
) -> Result<()> {
    let shard = path.display();
    let fail = |receive: &mut Receive<'_, Vec<u8>>, fault: anyhow::Error| {
        receive(Item { name: shard.to_string(), content: Err(anyhow!("{shard}: {fault}")) })
    };
    let allowance = Cell::new(0);
    let (mut archive, len) = match open(path, &allowance) {
        Ok(opened) => opened,
        Err(error) => return fail(receive, error.into()),
    };
    let mut walk = match archive.entries_with_seek() {
        Ok(entries) => Walk { entries, allowance: &allowance, len, last: None },
        Err(error) => return fail(receive, error.into()),
    };
    let mut found = false;
    loop {
        match walk.next() {
            Ok(Some((name, mut entry))) => {
                if part(&name).is_some_and(wanted) {
                    found = true;
                    let content = content(&mut entry, &allowance, max_bytes);
                    receive(Item { name: format!("{shard}/{name}"), content })?;
                }
            }
            Ok(None) if found => return Ok(()),
            Ok(None) => return fail(receive, anyhow!("expected {expected}, found none")),
            Err(fault) => return fail(receive, fault),
        }
    }
}

/// The archive and the length of its file.
fn open<'a>(path: &Path, allowance: &'a Cell<u64>) -> io::Result<(Archive<Metered<'a>>, u64)> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok((Archive::new(Metered { file, allowance }), len))
}

/// Goes through the files of an archive.
struct Walk<'a> {
    entries: Entries<'a, Metered<'a>>,
    allowance: &'a Cell<u64>,
    /// The length of the archive.
    len: u64,
    /// The member before.
    last: Option<String>,
}

impl<'a> Walk<'a> {
    /// The next member that is a file, with its path.
    fn next(&mut self) -> Result<Option<(String, Entry<'a, Metered<'a>>)>> {
        loop {
            self.allowance.set(MAX_HEADER);
            let entry = match self.entries.next() {
                Some(entry) => entry.map_err(|error| anyhow!("{}: {error}", self.place()))?,
                // Reading ends at two blocks of zeros, but also where nothing follows.
                None => {
                    let ended = self.allowance.get() < MAX_HEADER;
                    ensure!(ended, "{}: truncated: the archive has no end", self.place());
                    return Ok(None);
                }
            };
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
            let kind = entry.header().entry_type();
            self.last = Some(name.clone());
            if kind.is_file() || kind.is_contiguous() {
                let rest = self.len.saturating_sub(entry.raw_file_position());
                let size = entry.size();
                ensure!(
                    size <= rest,
                    "member {name}: truncated: expected {size} bytes, found {rest}"
                );
                return Ok(Some((name, entry)));
            }
        }
    }

    /// Where in the archive that is which comes next.
    fn place(&self) -> String {
        self.last.as_ref().map_or("first member".to_owned(), |last| format!("after member {last}"))
    }
}

/// The bytes of a member, of which the file holds as many as it says.
fn content(
    entry: &mut Entry<'_, Metered<'_>>,
    allowance: &Cell<u64>,
    max_bytes: u64,
) -> Result<Vec<u8>> {
    let size = entry.size();
    ensure!(size <= max_bytes, "expected at most {max_bytes} bytes, found {size}");
    allowance.set(size);
    let mut bytes = Vec::with_capacity(usize::try_from(size)?);
    entry.read_to_end(&mut bytes)?;
    let read = bytes.len();
    ensure!(read as u64 == size, "truncated: expected {size} bytes, found {read}");
    Ok(bytes)
}

/// The name of the part of a sample that a member is; none if it belongs to no sample.
fn part(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next()?;
    let (key, part) = file.split_once('.')?;
    (!key.is_empty()).then_some(part)
}

fn extension(part: &str) -> String {
    part.rsplit('.').next().unwrap_or_default().to_ascii_lowercase()
}

/// A file of which no more is read than allowed, so that no length in a header can ask for all of
/// it at once.
struct Metered<'a> {
    file: File,
    allowance: &'a Cell<u64>,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = buffer.len().min(usize::try_from(self.allowance.get()).unwrap_or(usize::MAX));
        if allowed == 0 && !buffer.is_empty() {
            return Err(io::Error::other(format!("a header of more than {MAX_HEADER} bytes")));
        }
        let read = self.file.read(&mut buffer[..allowed])?;
        self.allowance.set(self.allowance.get() - read as u64);
        Ok(read)
    }
}

impl Seek for Metered<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_a_part_by_what_follows_the_first_dot() {
        for (path, expected) in [
            ("000.jpg", Some("jpg")),
            ("a.b/000.seg.PNG", Some("seg.PNG")),
            ("no-extension", None),
            ("a/.hidden.jpg", None),
            ("a/._000.jpg", None),
            ("", None),
        ] {
            assert_eq!(part(path), expected, "{path}");
        }
        assert_eq!(extension("seg.PNG"), "png");
    }
}
