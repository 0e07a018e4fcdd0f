//! Columns of Parquet files.
//!
//! - `column`: the choice of a column;
//! - `cells`: its cells, a few at a time;
//! - `pages`, `codec`: the pages of the column, checked and decompressed;
//! - `guard`: panics of the Parquet library, turned into errors.

mod cells;
mod codec;
mod column;
mod error;
mod guard;
mod pages;
#[cfg(test)]
mod tests;

pub(super) use column::Wanted;
pub use error::TableError;

use super::error::ShardError;
use super::item::{Item, Receive};
use cells::Cells;
use parquet::data_type::ByteArray;
use parquet::file::reader::ChunkReader;

/// Passes the cells of a column on.
pub(super) fn for_each_cell<R: ChunkReader + 'static, E>(
    shard: &str,
    reader: R,
    wanted: &Wanted<'_>,
    max_bytes: u64,
    receive: &mut Receive<'_, Vec<u8>, E>,
) -> Result<(), E> {
    let mut cells = match guard::guarded(|| Cells::open(reader, wanted)) {
        Ok(cells) => cells,
        Err(error) => return receive(Item::from_shard_error(shard, error.into())),
    };
    let mut row = 0;
    loop {
        match guard::guarded(|| cells.next()) {
            Ok(None) => return Ok(()),
            Ok(Some(batch)) => {
                for cell in batch {
                    let name = format!("{shard}/{row}");
                    receive(Item { name, content: content(cell, max_bytes) })?;
                    row += 1;
                }
            }
            Err(source) => {
                return receive(Item::from_shard_error(shard, ShardError::Rows { row, source }));
            }
        }
    }
}

fn content(cell: Option<ByteArray>, max_bytes: u64) -> Result<Vec<u8>, ShardError> {
    let cell = cell.ok_or(ShardError::Null)?;
    match cell.len() as u64 {
        found if found <= max_bytes => Ok(cell.data().to_vec()),
        found => Err(ShardError::TooLong { limit: max_bytes, found }),
    }
}
