//! The `align` program.

#![forbid(unsafe_code)]

mod cli;
mod commands;
mod failure;
mod input;
mod output;
mod session;
mod sink;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    failure::exit_code(commands::run(&cli))
}
