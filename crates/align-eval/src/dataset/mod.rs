//! Data sets as they come: which image has which label or which captions.
//!
//! - [`LabelledImages`]: a folder for each class, or a CSV file of images and labels;
//! - [`CaptionedImages`]: Karpathy's JSON, or a CSV file of images and captions.
//!
//! Only the lists are read; the image files are not opened but for their first bytes.

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
