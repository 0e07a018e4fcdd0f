//! The flags of `align index`.

use super::{Skipping, embeddings_file};
use align_search::Dtype;
use clap::{Args, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Index {
    #[command(subcommand)]
    pub(crate) command: Option<IndexCommand>,
    /// Image files, and folders that are searched for images; `-` reads paths from standard input,
    /// one per line.
    #[arg(required_unless_present = "texts", conflicts_with = "texts", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Folder of the index: a new one, or one to bring up to date.
    #[arg(long, value_name = "DIR", required = true)]
    index: Option<PathBuf>,
    /// Index the lines of this file instead, in their order, each once; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) texts: Option<PathBuf>,
    /// How embeddings are kept [default: that of the index, f16 for a new one].
    #[arg(long, value_enum, value_name = "TYPE")]
    pub(crate) dtype: Option<DtypeArgument>,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

impl Index {
    /// Folder of the index that is to be brought up to date.
    ///
    /// # Panics
    /// Where there is a command, which has its own.
    pub(crate) fn folder(&self) -> &Path {
        self.index.as_deref().expect("required where there is no command")
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Write the embeddings of an index with the paths or texts that they belong to.
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(IndexExport),
}

#[derive(Debug, Args)]
pub(crate) struct IndexExport {
    /// Folder of the index.
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Write to a file, by its extension: .npy, .jsonl, .safetensors or .parquet [default: standard
    /// output].
    #[arg(long, short, value_name = "FILE", value_parser = embeddings_file)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeArgument {
    /// Half precision: 1280 bytes for an embedding of align-base.
    F16,
    /// Single precision: 2560 bytes.
    F32,
}

impl From<DtypeArgument> for Dtype {
    fn from(argument: DtypeArgument) -> Self {
        match argument {
            DtypeArgument::F16 => Self::F16,
            DtypeArgument::F32 => Self::F32,
        }
    }
}

pub(super) const EXAMPLES: &str = "\
Examples:
  align index photos --index photos.index
  find / -name '*.jpg' | align index - --index all.index --keep-going
  align index --texts captions.txt --index captions.index --dtype f32
  align index export --index photos.index --output photos.parquet

Run again, it embeds only what is new or changed, drops what is gone, and follows files that were
moved. Files whose names begin with a dot are left out unless they are named, links to folders are
not followed below a PATH. A file that cannot be embedded is tried again when it changes. A run that
is killed can be run again: what was embedded is kept.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  align index export --index photos.index --output photos.parquet
  align index export --index captions.index --output captions.npy
  align index export --index photos.index --format jsonl | head -n 1

Values are f32, those of the index; rows are in its order. To index a folder named export, write
./export.";
