//! The command line is a contract: what is written where, in which form, and the exit code.

#[path = "../../../align-model/tests/common/checkpoint.rs"]
mod checkpoint;

mod bench;
mod classify;
mod convert;
mod embed;
mod eval;
mod info;
mod preprocess;
mod run;
mod shards;
#[cfg(feature = "parquet")]
mod tables;
mod usage;
