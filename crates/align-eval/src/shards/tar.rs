//! Samples in tar files, as webdataset lays them out.
//!
//! Members whose paths agree up to the first dot of the file name are parts of one sample. What
//! follows that dot is the name of the part.

use super::error::ShardError;
use super::item::{Item, Kind, Receive};
use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use tar::{Archive, Entries, Entry};

/// Parts that are images, by their last extension.
const IMAGES: [&str; 8] = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"];

/// The extension of captions.
const CAPTION: &str = "txt";

/// The extension of members that have fields.
const FIELDS: &str = "json";

/// The longest header of a member, with the long names in front of it, in bytes.
const MAX_HEADER: u64 = 1 << 20;

/// The parts that are read.
pub(super) enum Wanted<'a> {
    /// Parts of this name.
    Named(&'a str),
    /// Parts whose last extension is one of these.
    Extensions(&'static [&'static str]),
}

impl<'a> Wanted<'a> {
    /// `column` is the name of a part that is an image, or of a field that is a caption.
    pub(super) fn new(kind: Kind, column: Option<&'a str>) -> Self {
        match (kind, column) {
            (Kind::Images, Some(part)) => Self::Named(part),
            (Kind::Images, None) => Self::Extensions(&IMAGES),
            (Kind::Captions, Some(_)) => Self::Extensions(&[FIELDS]),
            (Kind::Captions, None) => Self::Extensions(&[CAPTION]),
        }
    }

    fn contains(&self, part: &str) -> bool {
        match self {
            Self::Named(name) => part.eq_ignore_ascii_case(name),
            Self::Extensions(extensions) => extensions.contains(&extension(part).as_str()),
        }
    }

    /// The members expected, for a message.
    fn expected(&self) -> String {
        match self {
            Self::Named(name) => format!("a member named KEY.{name}"),
            Self::Extensions(extensions) => {
                format!("a member that ends in .{}", extensions.join(", ."))
            }
        }
    }
}

/// Passes the wanted parts of an archive of `len` bytes on.
pub(super) fn for_each_part<R: Read + Seek, E>(
    shard: &str,
    reader: R,
    len: u64,
    wanted: &Wanted<'_>,
    max_bytes: u64,
    receive: &mut Receive<'_, Vec<u8>, E>,
) -> Result<(), E> {
    let allowance = Cell::new(0);
    let mut archive = Archive::new(Metered { reader, allowance: &allowance });
    let mut members = match archive.entries_with_seek() {
        Ok(entries) => Members { entries, allowance: &allowance, len, last: None },
        Err(error) => return receive(Item::from_shard_error(shard, error.into())),
    };
    let mut found = false;
    loop {
        match members.next() {
            Ok(Some((name, mut entry))) => {
                if part(&name).is_some_and(|part| wanted.contains(part)) {
                    found = true;
                    let content = content(&mut entry, &allowance, max_bytes);
                    receive(Item { name: format!("{shard}/{name}"), content })?;
                }
            }
            Ok(None) if found => return Ok(()),
            Ok(None) => {
                return receive(Item::from_shard_error(
                    shard,
                    ShardError::NoMember { expected: wanted.expected() },
                ));
            }
            Err(error) => return receive(Item::from_shard_error(shard, error)),
        }
    }
}

/// A regular file of an archive: its path and its entry.
type Member<'a, R> = (String, Entry<'a, Metered<'a, R>>);

/// The regular files of an archive.
struct Members<'a, R: Read> {
    entries: Entries<'a, Metered<'a, R>>,
    allowance: &'a Cell<u64>,
    /// The length of the archive in bytes.
    len: u64,
    /// The path of the member read last.
    last: Option<String>,
}

impl<'a, R: Read + Seek> Members<'a, R> {
    /// The next member, or `None` at the end of the archive.
    fn next(&mut self) -> Result<Option<Member<'a, R>>, ShardError> {
        loop {
            self.allowance.set(MAX_HEADER);
            let entry = match self.entries.next() {
                Some(entry) => entry
                    .map_err(|source| ShardError::MemberHeader { place: self.place(), source })?,
                // The iterator ends at two blocks of zeros, but also at the end of the file. In the
                // second case it has read nothing.
                None if self.allowance.get() < MAX_HEADER => return Ok(None),
                None => return Err(ShardError::NoEnd { place: self.place() }),
            };
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
            let kind = entry.header().entry_type();
            self.last = Some(name.clone());
            if kind.is_file() || kind.is_contiguous() {
                let found = self.len.saturating_sub(entry.raw_file_position());
                let expected = entry.size();
                return match expected <= found {
                    true => Ok(Some((name, entry))),
                    false => Err(ShardError::Truncated { member: Some(name), expected, found }),
                };
            }
        }
    }

    /// The place of the next member, for a message.
    fn place(&self) -> String {
        self.last.as_ref().map_or("first member".to_owned(), |last| format!("after member {last}"))
    }
}

/// The bytes of a member. The archive is long enough to hold them.
fn content<R: Read>(
    entry: &mut Entry<'_, Metered<'_, R>>,
    allowance: &Cell<u64>,
    max_bytes: u64,
) -> Result<Vec<u8>, ShardError> {
    let size = entry.size();
    // A length that does not fit a `usize` is beyond any limit.
    let (Ok(capacity), true) = (usize::try_from(size), size <= max_bytes) else {
        return Err(ShardError::TooLong { limit: max_bytes, found: size });
    };
    allowance.set(size);
    let mut bytes = Vec::with_capacity(capacity);
    entry.read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        found if found == size => Ok(bytes),
        found => Err(ShardError::Truncated { member: None, expected: size, found }),
    }
}

/// The name of the part of a sample that a member is, or `None` if it belongs to no sample.
fn part(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next()?;
    let (key, part) = file.split_once('.')?;
    (!key.is_empty()).then_some(part)
}

fn extension(part: &str) -> String {
    part.rsplit('.').next().unwrap_or_default().to_ascii_lowercase()
}

/// A reader with a budget of bytes, so that no length in a header can cause the whole file to be
/// read at once.
struct Metered<'a, R> {
    reader: R,
    /// The bytes that may still be read.
    allowance: &'a Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = buffer.len().min(usize::try_from(self.allowance.get()).unwrap_or(usize::MAX));
        if allowed == 0 && !buffer.is_empty() {
            return Err(io::Error::other(format!("a header of more than {MAX_HEADER} bytes")));
        }
        let read = self.reader.read(&mut buffer[..allowed])?;
        self.allowance.set(self.allowance.get() - read as u64);
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::{Shard, ShardFormat};
    use tar::{Builder, Header};

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

    /// The names of the items of a shard that are captions, and the number of errors.
    fn captions(bytes: Vec<u8>) -> (Vec<String>, usize) {
        let shard = Shard::from_bytes("s", ShardFormat::Tar, bytes);
        let (mut names, mut errors) = (Vec::new(), 0);
        let read = shard.captions(None, &mut |item| {
            match item.content {
                Ok(text) => names.push(format!("{}: {text}", item.name)),
                Err(_) => errors += 1,
            }
            Ok::<_, ()>(())
        });
        assert_eq!(read, Ok(()));
        (names, errors)
    }

    #[test]
    fn damage_is_an_error_or_a_value() {
        let mut archive = Builder::new(Vec::new());
        for (name, text) in [("a/0.txt", "a cat"), ("a/0.json", "{}"), ("a/1.txt", "a dog\n")] {
            let mut header = Header::new_gnu();
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let whole = archive.into_inner().unwrap();
        let all = ["s/a/0.txt: a cat".to_owned(), "s/a/1.txt: a dog".to_owned()];
        assert_eq!(captions(whole.clone()), (all.to_vec(), 0));
        for end in (0..whole.len()).step_by(7) {
            let (names, errors) = captions(whole[..end].to_vec());
            assert!(all.starts_with(&names) && errors <= 1, "{end}");
        }
        for at in 0..whole.len() {
            for change in [0x01, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= change;
                assert!(captions(bytes).0.len() <= 2);
            }
        }
    }

    #[test]
    fn an_error_of_the_receiver_ends_the_reading() {
        let shard = Shard::from_bytes("s", ShardFormat::Tar, vec![0; 7]);
        assert_eq!(shard.images(None, 10, &mut |item| Err(item.name)), Err("s".to_owned()));
    }
}
