//! Input of the commands.
//!
//! - `lines`: lines of standard input and of files;
//! - `source`: arguments that are images or shards;
//! - `images`, `captions`: batches of images and captions through a tower;
//! - `tally`: progress, and the images and captions that were skipped.

mod captions;
mod images;
mod lines;
mod source;
mod tally;

pub(crate) use captions::CaptionReader;
pub(crate) use images::ImageReader;
pub(crate) use lines::{lines_of_file, name_of_file, numbered_lines_of_file, paths, texts};
pub(crate) use source::{Source, shard};
