//! Which model made an embedding: what must agree for two embeddings to be compared.

use crate::Digest;
use align_model::{AlignModel, AlignProcessor, Precision, Threads};
use align_tensor::MappedFile;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// Bytes that one task digests.
const CHUNK: usize = 8 << 20;

/// The files that bear on embeddings, beside the weights.
const FILES: [&str; 4] = ["config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"];
const WEIGHTS: &str = "model.safetensors";
const WEIGHTS_INDEX: &str = "model.safetensors.index.json";

/// What decides about an embedding, beside the image or text itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelIdentity {
    /// Digest of configuration, tokenizer and weights; see [`fingerprint`].
    pub fingerprint: Digest,
    /// The arithmetic of the matrix products.
    pub precision: String,
    /// How images become pixel values, setting by setting.
    pub preprocessing: BTreeMap<String, String>,
    /// The values of an embedding.
    pub dim: usize,
}

impl ModelIdentity {
    /// The identity of a loaded model. `fingerprint` is that of the files that it was loaded from.
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

    /// The first thing in which `other` differs: its name, what it is here, and what there.
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

/// A digest of named files. Names, lengths and all bytes count; the order does not. Files are
/// digested in chunks, on all threads.
///
/// It is the SHA-256 of, for each file in the order of the names: the name, a zero byte, the
/// length (u64, little-endian), and the SHA-256 of each of its chunks of 8 MiB.
pub fn fingerprint<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    threads: &Threads,
) -> Digest {
    let files: BTreeMap<&str, &[u8]> = files.into_iter().collect();
    let chunks: Vec<&[u8]> = files.values().flat_map(|bytes| bytes.chunks(CHUNK)).collect();
    let digests = threads.gather(|team| team.map(chunks.len(), |chunk| Digest::of(chunks[chunk])));
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
    Digest::of(&all)
}

/// The [`fingerprint`] of a checkpoint folder: its configuration, tokenizer and weights.
///
/// # Errors
/// Where a file cannot be read, or the index of the weights' shards not be understood.
pub fn fingerprint_folder(folder: impl AsRef<Path>, threads: &Threads) -> io::Result<Digest> {
    let folder = folder.as_ref();
    let names = FILES.into_iter().filter(|name| folder.join(name).exists()).map(str::to_owned);
    let mut files = BTreeMap::new();
    for name in names.chain(weights(folder)?) {
        let path = folder.join(&name);
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        files.insert(name, MappedFile::open(&path).map_err(named)?);
    }
    Ok(fingerprint(files.iter().map(|(name, file)| (name.as_str(), file.bytes())), threads))
}

/// The names of the files that hold the weights.
fn weights(folder: &Path) -> io::Result<Vec<String>> {
    let index = folder.join(WEIGHTS_INDEX);
    if folder.join(WEIGHTS).exists() || !index.exists() {
        return Ok(vec![WEIGHTS.to_owned()]);
    }
    #[derive(Deserialize)]
    struct Shards {
        weight_map: BTreeMap<String, String>,
    }
    let named = |error: &dyn std::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", index.display()))
    };
    let shards: Shards = serde_json::from_slice(&std::fs::read(&index).map_err(|e| named(&e))?)
        .map_err(|error| named(&error))?;
    let names: BTreeSet<String> = shards.weight_map.into_values().collect();
    Ok(names.into_iter().chain([WEIGHTS_INDEX.to_owned()]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroUsize;

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
        // Not read where there is a single file, as a checkpoint is opened.
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
            fingerprint: Digest::of(b"1"),
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
