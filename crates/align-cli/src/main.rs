//! The `align` program.

#![forbid(unsafe_code)]

mod cli;
mod commands;
#[cfg(feature = "demo-model")]
mod demo;
mod failure;
mod indexed;
mod input;
mod listing;
mod model_source;
mod output;
mod session;
mod sink;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    failure::exit_code(commands::run(&cli))
}
