//! An index of texts.

use super::report::{Event, Report};
use crate::index::{IndexError, IndexWriter, Item, TextItem};
use align_model::{AlignModel, AlignProcessor, embed_texts};
use std::collections::HashSet;

/// Texts that are embedded before they are added to the index.
const BATCH: usize = 64;

/// Makes `writer`'s index hold these texts, in this order, each once. Those that it holds already
/// are not embedded again; others that it holds are dropped.
///
/// # Errors
/// Where a text is too long for the model, and then before any is embedded; or the index cannot be
/// written.
pub fn update_texts(
    mut writer: IndexWriter,
    model: &AlignModel,
    processor: &AlignProcessor,
    texts: Vec<String>,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Report, IndexError> {
    processor.check_texts(&texts).map_err(align_model::ModelError::from)?;
    let mut seen = HashSet::with_capacity(texts.len());
    let items: Vec<Item> = texts
        .into_iter()
        .filter(|text| seen.insert(text.clone()))
        .map(|text| Item::Text(TextItem { text }))
        .collect();
    let is_new = |item: &&Item| writer.known(item.name()).is_none();
    let new: Vec<Item> = items.iter().filter(is_new).cloned().collect();
    let report = Report {
        items: items.len(),
        embedded: new.len(),
        kept: items.len() - new.len(),
        dropped: writer.names().filter(|name| !seen.contains(*name)).count(),
        ..Report::default()
    };
    observe(Event::Planned(new.len()));
    for items in new.chunks(BATCH) {
        let texts: Vec<&str> = items.iter().map(Item::name).collect();
        let embeddings = embed_texts(model, processor, &texts)?;
        writer.append(items, embeddings.view())?;
        observe(Event::Done(items.len()));
    }
    let row = |item: &Item| writer.known(item.name()).expect("known or embedded").row;
    let rows: Vec<usize> = items.iter().map(row).collect();
    writer.finish(items.into_iter().zip(rows).collect(), Vec::new())?;
    Ok(report)
}
