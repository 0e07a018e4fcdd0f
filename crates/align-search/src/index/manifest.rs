//! `manifest.json`: the properties and the files of an index. Its replacement commits a change.

use super::description::{Description, ItemKind};
use super::error::IndexError;
use super::files::{FileEntry, MANIFEST, is_plain_name};
use crate::digest::Digest;
use crate::identity::ModelIdentity;
use crate::npy::Dtype;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

const FORMAT: &str = "align-index";
const VERSION: u32 = 1;

/// The longest manifest that is read. It has room for some hundred thousand shards.
const MAX_BYTES: u64 = 64 << 20;

/// The largest number of values of an embedding. ALIGN has 640.
const MAX_DIM: usize = 1 << 16;

/// The fields of a manifest, without its own digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: String,
    version: u32,
    pub(super) kind: ItemKind,
    pub(super) dtype: Dtype,
    pub(super) model: ModelIdentity,
    /// The folder that relative paths count from.
    pub(super) base: String,
    pub(super) rows: usize,
    pub(super) shards: Vec<Shard>,
    pub(super) failures: Option<FileEntry>,
}

/// A shard: embeddings and their items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shard {
    pub(super) rows: usize,
    pub(super) embeddings: FileEntry,
    pub(super) items: FileEntry,
}

/// The last line, in front of and after the digest of all lines in front of it.
const SEAL: (&str, &str) = ("  \"sha256\": \"", "\"\n}\n");

impl Manifest {
    /// The manifest of a new index without items.
    pub(super) fn empty(description: &Description, base: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            kind: description.kind,
            dtype: description.dtype,
            model: description.model.clone(),
            base: base.to_owned(),
            rows: 0,
            shards: Vec::new(),
            failures: None,
        }
    }

    /// This manifest without items and failures.
    pub(super) fn emptied(&self) -> Self {
        Self { rows: 0, shards: Vec::new(), failures: None, ..self.clone() }
    }

    pub(super) fn description(&self) -> Description {
        Description { kind: self.kind, dtype: self.dtype, model: self.model.clone() }
    }

    /// All files that it lists.
    pub(super) fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let shards = self.shards.iter().flat_map(|shard| [&shard.embeddings, &shard.items]);
        shards.chain(&self.failures)
    }

    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let json = serde_json::to_string_pretty(self).expect("strings and numbers serialise");
        let open = json.strip_suffix("\n}").expect("a pretty object ends so");
        let mut bytes = format!("{open},\n").into_bytes();
        let digest = Digest::from_content(&bytes);
        bytes.extend([SEAL.0, &digest.to_string(), SEAL.1].concat().into_bytes());
        bytes
    }

    /// Reads the bytes of the manifest in `folder`.
    pub(super) fn read(folder: &Path) -> Result<Vec<u8>, IndexError> {
        let path = folder.join(MANIFEST);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(IndexError::NoIndex { folder: folder.to_owned() });
            }
            opened => opened.map_err(IndexError::io(&path, "read"))?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(IndexError::io(&path, "read"))?;
        if bytes.len() as u64 > MAX_BYTES {
            let expected = format!("at most {MAX_BYTES} bytes");
            return Err(IndexError::field(&path, "length", expected, "more"));
        }
        Ok(bytes)
    }

    /// Parses and checks the bytes of the manifest in `folder`: first the format and the version,
    /// then the digest, then the fields.
    pub(super) fn parse(folder: &Path, bytes: &[u8]) -> Result<Self, IndexError> {
        #[derive(Deserialize)]
        struct Head {
            format: Option<String>,
            version: Option<u32>,
        }
        let path = folder.join(MANIFEST);
        let json = |error: serde_json::Error| IndexError::Json {
            file: path.clone(),
            message: error.to_string(),
        };
        let head: Head = serde_json::from_slice(bytes).map_err(json)?;
        if head.format.as_deref() != Some(FORMAT) {
            let found = head.format.map_or("nothing".to_owned(), |format| format!("{format:?}"));
            return Err(IndexError::field(&path, "format", format!("{FORMAT:?}"), found));
        }
        if head.version != Some(VERSION) {
            let found = head.version.map_or("nothing".to_owned(), |version| version.to_string());
            return Err(IndexError::field(&path, "version", VERSION, found));
        }
        let body = check_seal(&path, bytes)?;
        // Without the line of the digest, the object ends here.
        let body = [body.trim_ascii_end().strip_suffix(b",").unwrap_or(body), b"}"].concat();
        let manifest: Self = serde_json::from_slice(&body).map_err(json)?;
        manifest.check(&path)?;
        Ok(manifest)
    }

    fn check(&self, path: &Path) -> Result<(), IndexError> {
        if !(1..=MAX_DIM).contains(&self.model.dim) {
            let expected = format!("1 to {MAX_DIM}");
            return Err(IndexError::field(path, "model.dim", expected, self.model.dim));
        }
        let rows = self.shards.iter().try_fold(0usize, |sum, shard| sum.checked_add(shard.rows));
        if rows != Some(self.rows) {
            let found = rows.map_or("more than can be counted".to_owned(), |rows| rows.to_string());
            let expected = format!("{} rows in all shards", self.rows);
            return Err(IndexError::field(path, "shards", expected, found));
        }
        match self.files().find(|file| !is_plain_name(&file.name)) {
            None => Ok(()),
            Some(file) => {
                let found = format!("{:?}", file.name);
                Err(IndexError::field(path, "name", "the name of a file of the index", found))
            }
        }
    }
}

/// Checks the digest in the last line. Returns the lines in front of it.
fn check_seal<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a [u8], IndexError> {
    const DIGITS: usize = 64;
    let end = SEAL.0.len() + DIGITS + SEAL.1.len();
    let (body, seal) = bytes.split_at(bytes.len().saturating_sub(end));
    let digest = std::str::from_utf8(seal)
        .ok()
        .and_then(|seal| seal.strip_prefix(SEAL.0)?.strip_suffix(SEAL.1)?.parse::<Digest>().ok());
    let found = Digest::from_content(body);
    match digest {
        Some(expected) if expected == found => Ok(body),
        Some(expected) => Err(IndexError::Checksum { file: path.to_owned(), expected, found }),
        None => Err(IndexError::field(
            path,
            "sha256",
            "the digest of all before, at the end",
            "another",
        )),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn description() -> Description {
        let model = ModelIdentity {
            fingerprint: Digest::from_content(b"model"),
            precision: "f32".to_owned(),
            preprocessing: [("size".to_owned(), "2x2".to_owned())].into(),
            dim: 3,
        };
        Description { kind: ItemKind::Images, dtype: Dtype::F16, model }
    }

    fn manifest() -> Manifest {
        let entry = |name: &str| FileEntry {
            name: name.to_owned(),
            bytes: 10,
            sha256: Digest::from_content(name.as_bytes()),
        };
        let shard = Shard {
            rows: 7,
            embeddings: entry("embeddings-00000-0123456789ab.npy"),
            items: entry("items-00000-0123456789ab.jsonl"),
        };
        let failures = Some(entry("failures-0123456789ab.jsonl"));
        let empty = Manifest::empty(&description(), "/base");
        Manifest { rows: 7, shards: vec![shard], failures, ..empty }
    }

    fn error(bytes: &[u8]) -> String {
        let message = Manifest::parse(Path::new("idx"), bytes).unwrap_err().to_string();
        assert!(message.starts_with("idx/manifest.json: "), "{message}");
        message
    }

    #[test]
    fn it_reads_back_and_is_json() {
        let bytes = manifest().to_bytes();
        assert_eq!(Manifest::parse(Path::new("idx"), &bytes).unwrap(), manifest());
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["model"]["precision"], "f32");
    }

    #[test]
    fn any_change_is_noticed() {
        let bytes = manifest().to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            error(&changed);
            error(&bytes[..at]);
        }
        let text = String::from_utf8(bytes).unwrap();
        let changed = text.replace("\"rows\": 7,", "\"rows\": 8,");
        assert!(error(changed.as_bytes()).contains("damaged or changed"), "{changed}");
        assert!(error(format!("{text}\n").as_bytes()).contains("sha256"));
    }

    #[test]
    fn other_formats_and_versions_are_named() {
        let text = String::from_utf8(manifest().to_bytes()).unwrap();
        let newer = text.replace("\"version\": 1,", "\"version\": 2,");
        assert!(error(newer.as_bytes()).ends_with("version: expected 1, found 2"));
        assert!(error(b"{}").ends_with("format: expected \"align-index\", found nothing"));
        error(b"[]");
        error(b"");
    }

    #[test]
    fn what_was_sealed_with_intent_is_checked_too() {
        let sealed = |change: &dyn Fn(&mut Manifest)| {
            let mut manifest = manifest();
            change(&mut manifest);
            error(&manifest.to_bytes())
        };
        for name in ["../x", "/etc/passwd", "items-00000-0123456789ab.jsonl/..", "", "lock"] {
            let message = sealed(&|manifest| manifest.shards[0].items.name = name.to_owned());
            assert!(message.contains("the name of a file of the index"), "{message}");
        }
        assert!(sealed(&|m| m.rows = 8).contains("expected 8 rows in all shards, found 7"));
        assert!(sealed(&|m| m.model.dim = 0).contains("model.dim: expected 1 to 65536, found 0"));
        sealed(&|m| {
            let shard = Shard { rows: usize::MAX, ..m.shards[0].clone() };
            m.shards.push(shard);
        });
    }
}
