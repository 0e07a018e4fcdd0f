//! The contract of the command line: output, its format, and the exit code.

mod bench;
mod classify;
mod convert;
#[cfg(feature = "demo-model")]
mod demo;
mod embed;
mod eval;
mod export;
mod index;
mod info;
mod interrupted;
mod preprocess;
mod run;
mod search;
mod shards;
#[cfg(feature = "parquet")]
mod tables;
mod usage;
