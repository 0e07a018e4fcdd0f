//! Bringing an index up to date with files or texts.
//!
//! - [`walk`]: which files there are;
//! - [`update_images`]: an index of image files;
//! - [`update_texts`]: an index of texts.
//!
//! What an index already holds is not embedded again: a file of the same size and time of change is
//! the same, and so is one of another name or time with the same content. What is gone is dropped.

mod images;
mod names;
mod pipeline;
mod read;
mod report;
mod stat;
mod texts;

pub use align_processor::files::{FoundFile, Walk, walk};
pub use images::update_images;
pub use report::{Event, Report};
pub use texts::update_texts;
