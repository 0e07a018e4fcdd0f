//! The subcommands.

mod bench;
mod classify;
mod convert;
mod duplicates;
mod embed;
mod eval;
mod index;
mod info;
mod preprocess;
mod search;

use crate::cli::{Cli, Command};
use crate::failure::{Outcome, Usage};
use anyhow::Result;

/// Runs what the command line asks for.
pub(crate) fn run(cli: &Cli) -> Result<Outcome> {
    let global = &cli.global;
    let lists_items = matches!(cli.command, Command::Search(_) | Command::Duplicates(_));
    if global.wants_paths() && !lists_items {
        let usage = "--format paths is for `search` and `duplicates`, which list items";
        return Err(Usage(usage.to_owned()).into());
    }
    match &cli.command {
        Command::Classify(arguments) => classify::run(global, arguments),
        Command::Embed(arguments) => embed::run(global, arguments),
        Command::Eval(arguments) => eval::run(global, arguments),
        Command::Preprocess(arguments) => preprocess::run(global, arguments),
        Command::Index(arguments) => index::run(global, arguments),
        Command::Search(arguments) => search::run(global, arguments),
        Command::Duplicates(arguments) => duplicates::run(global, arguments),
        Command::Info => info::run(global),
        Command::Bench(arguments) => bench::run(global, arguments),
        Command::Convert(arguments) => convert::run(global, arguments),
    }
}
