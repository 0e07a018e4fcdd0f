//! The flags of `align index`.

use super::Skipping;
use align_search::Dtype;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Index {
    /// Image files, and folders that are searched for images; `-` reads paths from standard input,
    /// one per line.
    #[arg(required_unless_present = "texts", conflicts_with = "texts", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Folder of the index: a new one, or one to bring up to date.
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Index the lines of this file instead, in their order, each once; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) texts: Option<PathBuf>,
    /// How embeddings are kept [default: that of the index, f16 for a new one].
    #[arg(long, value_enum, value_name = "TYPE")]
    pub(crate) dtype: Option<DtypeArgument>,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
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

Run again, it embeds only what is new or changed, drops what is gone, and follows files that were
moved. Files whose names begin with a dot are left out unless they are named, links to folders are
not followed below a PATH. A file that cannot be embedded is tried again when it changes. A run that
is killed can be run again: what was embedded is kept.";
