//! Data sets: images with labels or captions.
//!
//! - [`LabelledImages`]: one folder for each class, or a CSV file of images and labels;
//! - [`CaptionedImages`]: Karpathy's JSON, or a CSV file of images and captions.
//!
//! Only the lists are read. Of image files in folders, at most the first bytes are read.

mod captioned;
mod class_names;
mod csv;
mod error;
mod image_folder;
mod karpathy;
mod labelled;

pub use captioned::CaptionedImages;
pub use error::DatasetError;
pub use labelled::LabelledImages;
