//! Errors: each names the file or field it is about, what was expected and what was found.

use std::io;
use std::path::PathBuf;

use crate::Dimensions;

/// Anything that can go wrong between a file or a string and the arrays of the model.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// An image could not be decoded.
    #[error("{}: {fault}", path.as_ref().map_or("image".into(), |p| p.display().to_string()))]
    Image {
        /// The file, if the image came from one.
        path: Option<PathBuf>,
        /// What is wrong with it.
        fault: ImageFault,
    },

    /// A checkpoint folder has none of the files that could describe this part of the processor.
    #[error("{}: found none of {looked_for}", dir.display())]
    MissingFiles {
        /// The folder.
        dir: PathBuf,
        /// The names of the files that were looked for.
        looked_for: &'static str,
    },

    /// A file is not valid JSON, or not an object.
    #[error("{}: {message}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why parsing stopped.
        message: String,
    },

    /// A config field has the wrong type or an impossible value.
    #[error("{}: field `{field}`: expected {expected}, found {found}", origin.as_ref().map_or("config".into(), |p| p.display().to_string()))]
    Field {
        /// The file, if the config came from one.
        origin: Option<PathBuf>,
        /// The field, with the names of the objects around it.
        field: String,
        /// What may stand there.
        expected: String,
        /// What stands there.
        found: String,
    },

    /// The size that an image would have to be resized to is empty or too large.
    #[error(
        "resizing a {from} image as `size` asks gives {to}; each side must be 1 to {}",
        crate::MAX_SIDE
    )]
    TargetSize {
        /// The size of the image.
        from: Dimensions,
        /// The size asked for.
        to: Dimensions,
    },

    /// An array of pixels has a shape that cannot be preprocessed.
    #[error(
        "pixel array: expected [height, width, channels] with 1 or 3 channels and no side zero, found {found:?}"
    )]
    PixelShape {
        /// The shape found.
        found: [usize; 3],
    },

    /// `image_mean` or `image_std` lists another number of channels than the image has.
    #[error("`{field}` has {found} values for an image of {channels} channels")]
    Channels {
        /// The config field.
        field: &'static str,
        /// Its number of values.
        found: usize,
        /// Channels of the image.
        channels: usize,
    },

    /// Images of one batch do not come out at one size.
    #[error(
        "image {index} of the batch is {found} after preprocessing, the first one {expected}; a batch needs one size"
    )]
    BatchSizes {
        /// Position in the batch.
        index: usize,
        /// Size of the first image.
        expected: Dimensions,
        /// Size of this image.
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

    /// Text options contradict themselves or the tokenizer.
    #[error("text option `{option}`: {message}")]
    TextOption {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        message: String,
    },

    /// A text has more tokens than may be used, and truncation was not asked for.
    #[error(
        "text {index} ({text:?}) has {tokens} tokens, but {limit_name} allows {limit}; shorten it or ask for truncation"
    )]
    TextTooLong {
        /// Position in the batch.
        index: usize,
        /// The beginning of the text.
        text: String,
        /// Its tokens, with `[CLS]` and `[SEP]`.
        tokens: usize,
        /// The most that is allowed.
        limit: usize,
        /// Where the limit comes from.
        limit_name: &'static str,
    },

    /// The tokenizer failed on a text.
    #[error("text {index} ({text:?}): {message}")]
    Tokenize {
        /// Position in the batch.
        index: usize,
        /// The beginning of the text.
        text: String,
        /// What the tokenizer said.
        message: String,
    },
}

impl ProcessorError {
    /// The same error, naming `path` if it is about an image or config that had no name.
    #[must_use]
    pub(crate) fn at(self, path: &std::path::Path) -> Self {
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

/// What is wrong with an image file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageFault {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are those of no image format.
    #[error("not an image: the content is none of PNG, JPEG, WebP, GIF, BMP, TIFF")]
    NotAnImage,
    /// The first bytes are those of an image format that is not read here.
    #[error("{format} images are not supported; expected PNG, JPEG, WebP, GIF, BMP or TIFF")]
    UnsupportedFormat {
        /// The format found.
        format: String,
    },
    /// A supported format holding a kind of image that is not read here.
    #[error("this kind of {format} image is not supported: {message}")]
    UnsupportedKind {
        /// The format.
        format: &'static str,
        /// What is not supported.
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
        /// Where it does so.
        message: String,
    },
    /// The header says that there are no pixels.
    #[error("the image is {width}x{height} (width x height): it has no pixels")]
    NoPixels {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The header asks for more pixels than the limit.
    #[error(
        "the image is {width}x{height} (width x height), beyond the limit of {max_pixels} pixels and {max_side} a side"
    )]
    TooManyPixels {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// The limit on width x height.
        max_pixels: u64,
        /// The limit on each of them.
        max_side: u32,
    },
    /// Decoding would take more memory than the limits on size justify.
    #[error("decoding this {format} image needs more memory than its size justifies")]
    TooMuchMemory {
        /// The format.
        format: &'static str,
    },
    /// The file is longer than the limit.
    #[error("the file is longer than the limit of {max_bytes} bytes")]
    FileTooLong {
        /// The limit.
        max_bytes: u64,
    },
}
