//! Columns of Parquet files.
//!
//! - `column`: which column;
//! - `cells`: its cells, a few at a time;
//! - `pages`, `codec`: the pages that they are in, checked and decompressed;
//! - `guard`: what the Parquet library makes of damage.

mod cells;
mod codec;
mod column;
mod guard;
mod pages;
#[cfg(test)]
mod tests;

use super::{Item, MAX_TEXT, Receive};
use anyhow::{Context, Result, anyhow, ensure};
use cells::Cells;
use column::Wanted;
use parquet::data_type::ByteArray;
use std::path::Path;

/// Names of columns that hold images, the likeliest first.
const IMAGES: [&str; 6] = ["image", "jpg", "jpeg", "png", "webp", "bytes"];

/// Names of columns that hold captions, the likeliest first.
const CAPTIONS: [&str; 2] = ["text", "caption"];

/// The images of a column.
pub(super) fn images(
    path: &Path,
    column: Option<&str>,
    max_bytes: u64,
    receive: &mut Receive<'_, Vec<u8>>,
) -> Result<()> {
    let wanted = Wanted { column, defaults: &IMAGES, text: false };
    cells(path, &wanted, max_bytes, receive)
}

/// The captions of a column.
pub(super) fn captions(
    path: &Path,
    column: Option<&str>,
    receive: &mut Receive<'_, String>,
) -> Result<()> {
    let wanted = Wanted { column, defaults: &CAPTIONS, text: true };
    cells(path, &wanted, MAX_TEXT, &mut |Item { name, content }| {
        let text = |bytes| String::from_utf8(bytes).context("the text is not UTF-8");
        receive(Item { name, content: content.and_then(text) })
    })
}

/// Hands on the cells of a column.
fn cells(
    path: &Path,
    wanted: &Wanted<'_>,
    max_bytes: u64,
    receive: &mut Receive<'_, Vec<u8>>,
) -> Result<()> {
    let shard = path.display();
    let fail = |receive: &mut Receive<'_, Vec<u8>>, fault: anyhow::Error| {
        receive(Item { name: shard.to_string(), content: Err(anyhow!("{shard}: {fault}")) })
    };
    let mut cells = match guard::guarded(|| Cells::open(path, wanted)) {
        Ok(cells) => cells,
        Err(fault) => return fail(receive, fault),
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
            Err(fault) => return fail(receive, anyhow!("from row {row}: {fault}")),
        }
    }
}

fn content(cell: Option<ByteArray>, max_bytes: u64) -> Result<Vec<u8>> {
    let cell = cell.context("found null")?;
    let found = cell.len();
    ensure!(found as u64 <= max_bytes, "expected at most {max_bytes} bytes, found {found}");
    Ok(cell.data().to_vec())
}
