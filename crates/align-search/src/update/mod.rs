//! Updates of an index from files or texts.
//!
//! - [`walk`]: the files in folders;
//! - [`update_images`]: updates of an index of image files;
//! - [`update_texts`]: updates of an index of texts.
//!
//! Nothing that an index already holds is embedded again. A file counts as unchanged if its size and
//! time of change are the same, or if its content is that of an indexed file. Files that no longer
//! exist are dropped.

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
