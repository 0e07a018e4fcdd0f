//! The flags of `align index`.

use super::skipping::Skipping;
use super::values::embeddings_file;
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
    /// Folder of the index, new or to be updated.
    #[arg(long, value_name = "DIR", required = true)]
    index: Option<PathBuf>,
    /// Index the lines of this file instead, each once and in order; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) texts: Option<PathBuf>,
    /// Element type of stored embeddings [default: that of the index, f16 for a new one].
    #[arg(long, value_enum, value_name = "TYPE")]
    pub(crate) dtype: Option<DtypeArgument>,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

impl Index {
    /// The folder of the index to update.
    ///
    /// # Panics
    /// If there is a subcommand, which has a flag of its own.
    pub(crate) fn folder(&self) -> &Path {
        self.index.as_deref().expect("required if there is no subcommand")
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Write the embeddings of an index with their paths or texts.
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(IndexExport),
}

#[derive(Debug, Args)]
pub(crate) struct IndexExport {
    /// Folder of the index.
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Write to a file; its extension selects the format: .npy, .jsonl, .safetensors or .parquet
    /// [default: standard output].
    #[arg(long, short, value_name = "FILE", value_parser = embeddings_file)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtypeArgument {
    /// Half precision: 1280 bytes per embedding of align-base.
    F16,
    /// Single precision: 2560 bytes per embedding.
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

A second run embeds only new and changed files, drops files that no longer exist, and follows files
that were moved. Files whose names begin with a dot are left out unless they are given as PATH. Links
to folders below a PATH are not followed. A file that cannot be embedded is tried again when it
changes. After a run that was killed, the next run keeps all embeddings made so far.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  align index export --index photos.index --output photos.parquet
  align index export --index captions.index --output captions.npy
  align index export --index photos.index --format jsonl | head -n 1

Values are those of the index as f32, and rows are in its order. To index a folder named export,
write ./export.";
