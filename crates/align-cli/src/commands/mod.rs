//! The subcommands.

mod bench;
mod classify;
mod convert;
mod embed;
mod eval;
mod info;
mod preprocess;

use crate::cli::{Cli, Command};
use crate::failure::Outcome;
use anyhow::Result;

/// Runs what the command line asks for.
pub(crate) fn run(cli: &Cli) -> Result<Outcome> {
    let global = &cli.global;
    match &cli.command {
        Command::Classify(arguments) => classify::run(global, arguments),
        Command::Embed(arguments) => embed::run(global, arguments),
        Command::Eval(arguments) => eval::run(global, arguments),
        Command::Preprocess(arguments) => preprocess::run(global, arguments),
        Command::Info => info::run(global),
        Command::Bench(arguments) => bench::run(global, arguments),
        Command::Convert(arguments) => convert::run(global, arguments),
    }
}
