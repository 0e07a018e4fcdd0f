//! `align index export`: the embeddings of an index, in formats of other programs.

use crate::cli::{Global, IndexExport};
use crate::failure::Outcome;
use crate::indexed::{self, ItemNames};
use crate::sink::sink;
use align_search::ItemKind;
use anyhow::Result;
use ndarray::Array2;

/// The rows in memory at a time.
const STEP: usize = 1024;

pub(super) fn run(global: &Global, arguments: &IndexExport) -> Result<Outcome> {
    let index = indexed::open(global, &arguments.index)?;
    // Damaged rows must not be exported.
    index.verify()?;
    let column = match index.description().kind {
        ItemKind::Images => "image",
        ItemKind::Texts => "text",
    };
    let names = ItemNames::new(&index);
    let mut sink = sink([column], index.dim(), arguments.output.as_deref(), global.format())?;
    let progress = global.progress(index.len(), "rows");
    let rows: Vec<usize> = index.rows().collect();
    for rows in rows.chunks(STEP) {
        let mut embeddings = Array2::zeros((rows.len(), index.dim()));
        for (mut embedding, &row) in embeddings.rows_mut().into_iter().zip(rows) {
            embedding.assign(&index.embedding(row)?);
        }
        let names = rows.iter().map(|&row| Ok([names.name(row)?]));
        sink.write(&names.collect::<Result<Vec<_>>>()?, embeddings.view())?;
        progress.inc(rows.len() as u64);
    }
    progress.finish_and_clear();
    sink.finish()?;
    Ok(Outcome::Done)
}
