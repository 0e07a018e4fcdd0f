//! The parts of samples that a shard passes on.

use super::error::ShardError;

/// The kinds of parts that are read from samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Images,
    Captions,
}

/// A part of a sample, or the reason why it cannot be read.
///
/// An error that concerns the rest of a shard comes as an item with the shard's name.
#[derive(Debug)]
pub struct Item<T> {
    /// The shard's name, followed by a member's path or a row's number from 0.
    pub name: String,
    /// The content of the part.
    pub content: Result<T, ShardError>,
}

impl<T> Item<T> {
    /// The item that reports an error of the rest of a shard.
    pub(super) fn from_shard_error(shard: &str, error: ShardError) -> Self {
        Self { name: shard.to_owned(), content: Err(error) }
    }
}

/// Receives items one by one. An error that it returns ends the reading.
pub type Receive<'a, T, E> = dyn FnMut(Item<T>) -> Result<(), E> + 'a;
