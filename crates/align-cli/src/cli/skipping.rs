//! The flag for skipped inputs.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Skipping {
    /// Exit with code 0 even if images or captions were skipped.
    #[arg(long)]
    pub(crate) keep_going: bool,
}
