//! The identity of a model. Embeddings may be compared only if their models have the same identity.

use crate::digest::Digest;
use align_model::{AlignModel, AlignProcessor};
use align_tensor::{Checkpoint, CheckpointError, MappedFile, Precision, Threads};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes that one task digests. The fingerprint depends on it.
const CHUNK: usize = 8 << 20;

/// The files that affect embeddings, apart from the weights.
const FILES: [&str; 4] = ["config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"];

/// Everything that an embedding depends on, apart from the image or text itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelIdentity {
    /// The digest of configuration, tokenizer and weights; see [`fingerprint`].
    pub fingerprint: Digest,
    /// The arithmetic of the matrix products.
    pub precision: String,
    /// The settings of the image processor.
    pub preprocessing: BTreeMap<String, String>,
    /// The number of values of an embedding.
    pub dim: usize,
}

impl ModelIdentity {
    /// The identity of a loaded model. `fingerprint` is the fingerprint of its files.
    pub fn new(
        fingerprint: Digest,
        model: &AlignModel,
        processor: &AlignProcessor,
        precision: Precision,
    ) -> Self {
        let settings = processor.image_processor().config().settings();
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self {
            fingerprint,
            precision: precision.to_string(),
            preprocessing: settings.collect(),
            dim: model.config().projection_dim,
        }
    }

    /// The first property that differs from `other`: its name, its value here, its value there.
    pub(crate) fn difference(&self, other: &Self) -> Option<(String, String, String)> {
        let settings = self.preprocessing.keys().chain(other.preprocessing.keys());
        let setting = |identity: &Self, name: &String| {
            identity.preprocessing.get(name).cloned().unwrap_or_else(|| "nothing".to_owned())
        };
        let preprocessing = settings.map(|name| {
            (format!("preprocessing: {name}"), setting(self, name), setting(other, name))
        });
        let named = |name: &str, ours: String, theirs: String| (name.to_owned(), ours, theirs);
        [
            named("model", self.fingerprint.to_string(), other.fingerprint.to_string()),
            named("precision", self.precision.clone(), other.precision.clone()),
            named("embedding size", self.dim.to_string(), other.dim.to_string()),
        ]
        .into_iter()
        .chain(preprocessing)
        .find(|(_, ours, theirs)| ours != theirs)
    }
}

/// A digest of the names and contents of files. It does not depend on the order of the files. They
/// are digested in chunks, on all threads.
///
/// The fingerprint is the SHA-256 of the following bytes of each file, with the files sorted by
/// name:
///
/// 1. the name and a zero byte;
/// 2. the length of the file, a little-endian `u64`;
/// 3. for each chunk of 8 MiB, the 64 hexadecimal digits of its SHA-256.
pub fn fingerprint<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    threads: &Threads,
) -> Digest {
    let files: BTreeMap<&str, &[u8]> = files.into_iter().collect();
    let chunks: Vec<&[u8]> = files.values().flat_map(|bytes| bytes.chunks(CHUNK)).collect();
    let digests =
        threads.gather(|team| team.map(chunks.len(), |chunk| Digest::from_content(chunks[chunk])));
    let mut digests = digests.into_iter();
    let mut all = Vec::new();
    for (name, bytes) in files {
        all.extend(name.as_bytes());
        all.push(0);
        all.extend((bytes.len() as u64).to_le_bytes());
        for digest in digests.by_ref().take(bytes.len().div_ceil(CHUNK)) {
            all.extend(digest.to_string().into_bytes());
        }
    }
    Digest::from_content(&all)
}

/// Why the fingerprint of a folder cannot be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// The weight files cannot be listed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file cannot be read.
    #[error("{}: cannot read", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// The [`fingerprint`] of a checkpoint folder: its configuration, tokenizer and weights.
///
/// # Errors
/// If a file cannot be read, or the index of the shards is damaged.
pub fn fingerprint_folder(
    folder: impl AsRef<Path>,
    threads: &Threads,
) -> Result<Digest, FingerprintError> {
    let folder = folder.as_ref();
    let names = FILES.into_iter().filter(|name| folder.join(name).exists()).map(str::to_owned);
    let mut files = BTreeMap::new();
    for name in names.chain(Checkpoint::list_files(folder)?) {
        let file = folder.join(&name);
        let mapped = MappedFile::open(&file);
        files.insert(name, mapped.map_err(|source| FingerprintError::Io { file, source })?);
    }
    Ok(fingerprint(files.iter().map(|(name, file)| (name.as_str(), file.bytes())), threads))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::num::NonZeroUsize;

    const WEIGHTS: &str = "model.safetensors";
    const WEIGHTS_INDEX: &str = "model.safetensors.index.json";

    #[test]
    fn names_lengths_and_every_byte_count() {
        let of = |files: &[(&str, &[u8])]| fingerprint(files.iter().copied(), &Threads::single());
        let long = vec![7; CHUNK + 1];
        let mut changed = long.clone();
        changed[CHUNK] = 8;
        let all = [
            of(&[]),
            of(&[("a", b"")]),
            of(&[("a", b"x"), ("b", b"y")]),
            of(&[("a", b"xy"), ("b", b"")]),
            of(&[("a", b"y"), ("b", b"x")]),
            of(&[("a", &long)]),
            of(&[("a", &changed)]),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert_eq!(of(&[("b", b"y"), ("a", b"x")]), all[2]);
        let three = Threads::new(NonZeroUsize::new(3).unwrap());
        assert_eq!(fingerprint([("a", &long[..])], &three), all[5]);
    }

    #[test]
    fn a_folder_counts_its_shards() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let print = || fingerprint_folder(folder.path(), &Threads::single());
        let error = print().unwrap_err().to_string();
        assert!(error.contains("model.safetensors"), "{error}");

        write("config.json", "{}");
        write(WEIGHTS_INDEX, r#"{"weight_map": {"x": "two", "y": "one", "z": "one"}}"#);
        write("one", "1");
        assert!(print().unwrap_err().to_string().contains("two"));
        write("two", "2");
        let before = print().unwrap();
        write("two", "3");
        assert_ne!(print().unwrap(), before);
        // A single file takes precedence over shards, as when a checkpoint is opened.
        write(WEIGHTS, "4");
        let single = print().unwrap();
        write("two", "5");
        assert_eq!(print().unwrap(), single);
        write(WEIGHTS, "6");
        assert_ne!(print().unwrap(), single);
    }

    #[test]
    fn the_first_difference_is_named() {
        let ours = ModelIdentity {
            fingerprint: Digest::from_content(b"1"),
            precision: "f32".to_owned(),
            preprocessing: [("size".to_owned(), "2x2".to_owned())].into(),
            dim: 4,
        };
        assert_eq!(ours.difference(&ours.clone()), None);
        let other = ModelIdentity { preprocessing: BTreeMap::new(), ..ours.clone() };
        let (name, ours_is, theirs) = ours.difference(&other).unwrap();
        assert_eq!([&*name, &ours_is, &theirs], ["preprocessing: size", "2x2", "nothing"]);
        assert_eq!(other.difference(&ours).unwrap().2, "2x2");
        let other = ModelIdentity { precision: "bf16".to_owned(), ..other };
        assert_eq!(ours.difference(&other).unwrap().0, "precision");
    }
}
