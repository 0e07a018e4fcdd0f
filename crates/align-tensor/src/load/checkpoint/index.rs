//! The index of a sharded checkpoint: the file of each tensor.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::CheckpointError;
use super::entries::Entries;
use super::storage::{ReadMode, Storage};

/// The longest index accepted, in bytes. It is the bound of a header, which has
/// the same number of names.
const MAX_INDEX: u64 = 100_000_000;

#[derive(Deserialize)]
struct Index {
    weight_map: Entries<String>,
}

/// Reads the index and returns the file names of the shards, each with the names of its tensors.
pub(super) fn read(file: &Path) -> Result<BTreeMap<String, Vec<String>>, CheckpointError> {
    let storage = Storage::open(file, ReadMode::Read)?;
    if storage.len() > MAX_INDEX {
        return Err(CheckpointError::IndexTooLong {
            file: file.to_path_buf(),
            found: storage.len(),
            limit: MAX_INDEX,
        });
    }
    let text = storage
        .elements::<u8>(0..storage.len())
        .map_err(|source| CheckpointError::Io { file: file.to_path_buf(), source })?;
    let index: Index = serde_json::from_slice(&text)
        .map_err(|source| CheckpointError::InvalidIndex { file: file.to_path_buf(), source })?;

    let mut shards = BTreeMap::<String, Vec<String>>::new();
    for (tensor, shard) in index.weight_map.unique(file)? {
        if !is_file_name(&shard) {
            return Err(CheckpointError::ShardName { file: file.to_path_buf(), tensor, shard });
        }
        shards.entry(shard).or_default().push(tensor);
    }
    Ok(shards)
}

/// Whether the name stays in its folder. Backslashes and colons are refused on
/// every system, since some systems read them as parts of a path.
fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', ':', '\0'])
}
