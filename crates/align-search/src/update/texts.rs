//! An index of texts.

use super::report::{Event, Report};
use crate::index::{IndexError, IndexWriter, Item, TextItem};
use align_model::{AlignModel, AlignProcessor, embed_texts};
use std::collections::HashSet;

/// The texts that are embedded and added to the index at a time.
const BATCH: usize = 64;

/// Updates the index of `writer` to hold exactly these texts, each once, in the order of their first
/// occurrence. Texts that it already holds are not embedded again.
///
/// # Errors
/// If a text is too long for the model, which is found before any text is embedded; or if the index
/// cannot be written.
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
