//! `align search`: search of an index by texts and images.
//!
//! - `queries`: the queries of the command line or a file;
//! - `terms`: embeddings of their texts and images;
//! - `page`: the HTML page of the hits.

mod page;
mod queries;
mod terms;

use crate::cli::{Global, Search};
use crate::failure::Outcome;
use crate::indexed::{self, Embedder, ItemNames};
use crate::listing::{ItemRecord, Listing};
use crate::output::Record;
use align_search::{SearchOptions, Searcher};
use anyhow::Result;
use serde::Serialize;
use std::io::{self, Write};
use std::num::NonZeroUsize;

/// The number of hits if neither --top nor --threshold is given.
const DEFAULT_TOP: NonZeroUsize = NonZeroUsize::new(10).unwrap();

pub(crate) fn run(global: &Global, arguments: &Search) -> Result<Outcome> {
    let requests = queries::requests(arguments)?;
    let index = indexed::open(global, &arguments.index)?;
    let embedder = Embedder::load(global)?;
    index.description().check_model(index.folder(), &embedder.identity)?;
    let queries = terms::embed(&embedder, &requests)?;

    let top = arguments.top.or(arguments.threshold.is_none().then_some(DEFAULT_TOP));
    let options = SearchOptions::default().with_top(top).with_threshold(arguments.threshold);
    let searcher = Searcher::new(index, embedder.runtime.clone());
    let answers = searcher.search(&queries, options)?;

    let names = ItemNames::new(searcher.index());
    if let Some(path) = &arguments.html {
        page::write(path, &embedder.processor, &names, &requests, &answers)?;
    }
    let is_one = answers.len() == 1;
    let mut listing = Listing::new(global, false);
    for (query, hits) in answers.iter().enumerate() {
        for (rank, hit) in (1..).zip(hits) {
            let item = names.name(hit.row)?;
            let title = (rank == 1 && !is_one).then(|| requests[query].to_string());
            listing.write(&Found { query, rank, score: hit.score, item, title })?;
        }
    }
    listing.finish()?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct Found {
    query: usize,
    rank: usize,
    score: f32,
    item: String,
    /// The query as text. Only the first hit of each of several queries has it.
    #[serde(skip)]
    title: Option<String>,
}

impl Record for Found {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(title) = &self.title {
            let before = if self.query > 0 { "\n" } else { "" };
            writeln!(out, "{before}{title}")?;
        }
        writeln!(out, "{:4}  {:7.4}  {}", self.rank, self.score, self.item)
    }
}

impl ItemRecord for Found {
    fn item(&self) -> &str {
        &self.item
    }

    fn list(&self) -> usize {
        self.query
    }
}
