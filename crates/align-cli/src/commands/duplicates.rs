//! `align duplicates`: groups of near-identical items.

use crate::cli::{Duplicates, Global};
use crate::failure::Outcome;
use crate::indexed::{self, ItemNames};
use crate::listing::{ItemRecord, Listing};
use crate::output::Record;
use anyhow::Result;
use serde::Serialize;
use std::io::{self, Write};

pub(crate) fn run(global: &Global, arguments: &Duplicates) -> Result<Outcome> {
    let index = indexed::open(global, &arguments.index)?;
    let names = ItemNames::new(&index);
    let groups = align_search::duplicates(&index, &global.runtime()?, arguments.threshold)?;
    let mut listing = Listing::new(global, true);
    for (group, hits) in groups.iter().enumerate() {
        for (rank, hit) in (1..).zip(hits) {
            let item = names.name(hit.row)?;
            listing.write(&Duplicate { group, rank, score: hit.score, item })?;
        }
    }
    listing.finish()?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct Duplicate {
    group: usize,
    rank: usize,
    score: f32,
    item: String,
}

impl Record for Duplicate {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.rank == 1 && self.group > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{:7.4}  {}", self.score, self.item)
    }
}

impl ItemRecord for Duplicate {
    fn item(&self) -> &str {
        &self.item
    }

    fn list(&self) -> usize {
        self.group
    }
}
