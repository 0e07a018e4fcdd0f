//! What the commands read.
//!
//! - `lines`: lines of standard input and of files;
//! - `shard`: files of many samples;
//! - `images`, `captions`: these and plain files through a tower, in batches;
//! - `tally`: how far that has come, and what had to be left out.

mod captions;
mod images;
mod lines;
mod shard;
mod tally;

pub(crate) use captions::CaptionReader;
pub(crate) use images::ImageReader;
pub(crate) use lines::{lines_of_file, name_of_file, numbered_lines_of_file, paths, texts};
pub(crate) use shard::{Shard, Source};
