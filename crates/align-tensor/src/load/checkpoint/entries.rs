//! JSON objects of tensors by name: headers and the maps of indexes.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::CheckpointError;

/// The key of the metadata of the file, which are strings.
const METADATA_KEY: &str = "__metadata__";

/// All entries of the object, duplicates included. A map would silently keep
/// one of two entries of the same name.
#[derive(Debug)]
pub(super) struct Entries<V> {
    entries: Vec<(String, V)>,
    /// The metadata of the file.
    pub(super) metadata: HashMap<String, String>,
}

impl<V> Entries<V> {
    /// The entries by name. Fails if there are duplicates.
    pub(super) fn unique(self, file: &Path) -> Result<BTreeMap<String, V>, CheckpointError> {
        let mut map = BTreeMap::new();
        for (tensor, value) in self.entries {
            if map.contains_key(&tensor) {
                return Err(CheckpointError::DuplicateTensor { file: file.to_path_buf(), tensor });
            }
            map.insert(tensor, value);
        }
        Ok(map)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<V> {
    type Value = Entries<V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of tensors by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut entries, mut metadata) = (Vec::new(), HashMap::new());
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA_KEY {
                metadata = map.next_value()?;
                continue;
            }
            let value = map
                .next_value()
                .map_err(|error| A::Error::custom(format_args!("tensor {name:?}: {error}")))?;
            entries.push((name, value));
        }
        Ok(Entries { entries, metadata })
    }
}
