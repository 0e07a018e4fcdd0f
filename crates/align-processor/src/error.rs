//! Errors. Each names the file or field, what was expected and what was found.

use crate::dimensions::{Dimensions, MAX_SIDE};
use std::io;
use std::path::{Path, PathBuf};

/// Why a file or a string cannot be turned into the model's inputs.
///
/// The operating system's error is the [source](std::error::Error::source) of
/// [`ProcessorError::Io`], and the message does not repeat it. No other variant has a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessorError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// An image could not be decoded.
    #[error("{}: {fault}", path.as_ref().map_or("image".into(), |p| p.display().to_string()))]
    Image {
        /// The file, if the image is from one.
        path: Option<PathBuf>,
        /// What is wrong with it.
        fault: ImageFault,
    },

    /// A checkpoint folder has none of the files that can hold this part of the processor.
    #[error("{}: found none of {looked_for}", folder.display())]
    MissingFiles {
        /// The folder.
        folder: PathBuf,
        /// Names of the files that were looked for.
        looked_for: &'static str,
    },

    /// A file is not valid JSON, or not an object.
    #[error("{}: {message}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Place and cause.
        message: String,
    },

    /// A config field has the wrong type or a value that is not allowed.
    #[error("{}: field `{field}`: expected {expected}, found {found}", origin.as_ref().map_or("config".into(), |p| p.display().to_string()))]
    Field {
        /// The file, if the config is from one.
        origin: Option<PathBuf>,
        /// The field, with the names of the objects around it.
        field: String,
        /// The values that are allowed.
        expected: String,
        /// The value found.
        found: String,
    },

    /// An image would be resized to a size that is empty or too large.
    #[error("resizing a {from} image by `size` results in {to}; each side must be 1 to {MAX_SIDE}")]
    TargetSize {
        /// Size of the image.
        from: Dimensions,
        /// Size after resizing.
        to: Dimensions,
    },

    /// An array of pixels has a shape that cannot be preprocessed.
    #[error(
        "pixel array: expected [height, width, channels] with 1 or 3 channels and no side zero, found {found:?}"
    )]
    PixelShape {
        /// The shape, `[height, width, channels]`.
        found: [usize; 3],
    },

    /// `image_mean` or `image_std` does not have one value for each channel of the image.
    #[error("`{field}` has {found} values for an image of {channels} channels")]
    Channels {
        /// The config field.
        field: &'static str,
        /// Number of its values.
        found: usize,
        /// Number of channels of the image.
        channels: usize,
    },

    /// Images of one batch have different sizes after preprocessing.
    #[error(
        "image {index} of the batch is {found} after preprocessing, the first one {expected}; a batch needs one size"
    )]
    BatchSizes {
        /// Position in the batch.
        index: usize,
        /// Size of the first image after preprocessing.
        expected: Dimensions,
        /// Size of this image after preprocessing.
        found: Dimensions,
    },

    /// A tokenizer file cannot be used.
    #[error("{}: {message}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },

    /// An option cannot be applied to the tokenizer or to the texts.
    #[error("text option `{option}`: {message}")]
    TextOption {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        message: String,
    },

    /// A text has too many tokens, and truncation was not requested.
    #[error(
        "text {index} ({text:?}) has {tokens} tokens, but {limit_name} allows {limit}; shorten it or ask for truncation"
    )]
    TextTooLong {
        /// Position in the batch.
        index: usize,
        /// The beginning of the text.
        text: String,
        /// Number of its tokens, `[CLS]` and `[SEP]` included.
        tokens: usize,
        /// The largest allowed number.
        limit: usize,
        /// The origin of the limit.
        limit_name: &'static str,
    },

    /// The tokenizer failed on a text.
    #[error("text {index} ({text:?}): {message}")]
    Tokenize {
        /// Position in the batch.
        index: usize,
        /// The beginning of the text.
        text: String,
        /// The tokenizer's message.
        message: String,
    },
}

impl ProcessorError {
    /// The same error with the name `path`, if its image or config had no name.
    #[must_use]
    pub(crate) fn at(self, path: &Path) -> Self {
        match self {
            Self::Image { path: None, fault } => Self::Image { path: Some(path.into()), fault },
            Self::Field { origin: None, field, expected, found } => {
                Self::Field { origin: Some(path.into()), field, expected, found }
            }
            other => other,
        }
    }
}

impl From<ImageFault> for ProcessorError {
    fn from(fault: ImageFault) -> Self {
        Self::Image { path: None, fault }
    }
}

/// A fault of an image file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageFault {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The first bytes belong to no image format.
    #[error("not an image: the content is none of PNG, JPEG, WebP, GIF, BMP, TIFF")]
    NotAnImage,
    /// The first bytes belong to an image format that is not supported.
    #[error("{format} images are not supported; expected PNG, JPEG, WebP, GIF, BMP or TIFF")]
    UnsupportedFormat {
        /// The format found.
        format: String,
    },
    /// A supported format with a kind of image that is not supported.
    #[error("this kind of {format} image is not supported: {message}")]
    UnsupportedKind {
        /// The format.
        format: &'static str,
        /// The unsupported feature.
        message: String,
    },
    /// The file ends before the image does.
    #[error("truncated {format} image: the file ends before the image does")]
    Truncated {
        /// The format.
        format: &'static str,
    },
    /// The file contradicts its format.
    #[error("corrupt {format} image: {message}")]
    Corrupt {
        /// The format.
        format: &'static str,
        /// The contradiction.
        message: String,
    },
    /// By its header, the image has no pixels.
    #[error("the image is {width}x{height} (width x height): it has no pixels")]
    NoPixels {
        /// Number of columns.
        width: u32,
        /// Number of rows.
        height: u32,
    },
    /// By its header, the image has more pixels than the limit.
    #[error(
        "the image is {width}x{height} (width x height), beyond the limit of {max_pixels} pixels and {max_side} a side"
    )]
    TooManyPixels {
        /// Number of columns.
        width: u32,
        /// Number of rows.
        height: u32,
        /// Limit of width x height.
        max_pixels: u64,
        /// Limit of width and of height.
        max_side: u32,
    },
    /// Decoding would need more memory than the size of the image justifies.
    #[error("decoding this {format} image needs more memory than its size justifies")]
    TooMuchMemory {
        /// The format.
        format: &'static str,
    },
    /// The file is longer than the limit.
    #[error("the file is longer than the limit of {max_bytes} bytes")]
    FileTooLong {
        /// The limit, in bytes.
        max_bytes: u64,
    },
}
