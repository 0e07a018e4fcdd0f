//! The source of the model: a folder, or the program itself.

#[cfg(feature = "demo-model")]
use crate::demo;
use align_model::{
    AlignConfig, AlignModel, AlignProcessor, Checkpoint, ImageProcessor, LoadOptions, ModelError,
    ProcessorError, ReadMode, Threads, Tokenizer,
};
#[cfg(feature = "demo-model")]
use align_search::fingerprint;
use align_search::{Digest, FingerprintError, fingerprint_folder};
use std::fmt;
use std::path::Path;

/// The source of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelSource<'a> {
    /// A folder in the layout of Hugging Face.
    Folder(&'a Path),
    /// The demo model inside the program.
    #[cfg(feature = "demo-model")]
    Demo,
}

impl<'a> ModelSource<'a> {
    /// The folder, if the source is one.
    pub(crate) fn folder(self) -> Option<&'a Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            #[cfg(feature = "demo-model")]
            Self::Demo => None,
        }
    }

    pub(crate) fn load(self, options: &LoadOptions) -> Result<AlignModel, ModelError> {
        match self {
            Self::Folder(folder) => AlignModel::from_pretrained_with(folder, options),
            #[cfg(feature = "demo-model")]
            Self::Demo => {
                AlignModel::from_source(demo::config()?, &demo::checkpoint()?, &options.runtime)
            }
        }
    }

    /// The fingerprint of the files of the model.
    pub(crate) fn fingerprint(self, threads: &Threads) -> Result<Digest, FingerprintError> {
        match self {
            Self::Folder(folder) => fingerprint_folder(folder, threads),
            #[cfg(feature = "demo-model")]
            Self::Demo => Ok(fingerprint(demo::files(), threads)),
        }
    }

    pub(crate) fn processor(self) -> Result<AlignProcessor, ProcessorError> {
        Ok(AlignProcessor::new(self.image_processor()?, self.tokenizer()?))
    }

    pub(crate) fn image_processor(self) -> Result<ImageProcessor, ProcessorError> {
        match self {
            Self::Folder(folder) => ImageProcessor::from_pretrained(folder),
            #[cfg(feature = "demo-model")]
            Self::Demo => demo::image_processor(),
        }
    }

    pub(crate) fn tokenizer(self) -> Result<Tokenizer, ProcessorError> {
        match self {
            Self::Folder(folder) => Tokenizer::from_pretrained(folder),
            #[cfg(feature = "demo-model")]
            Self::Demo => demo::tokenizer(),
        }
    }

    /// The configuration of a model with both towers.
    pub(crate) fn config(self) -> Result<AlignConfig, ModelError> {
        Ok(match self {
            Self::Folder(folder) => AlignConfig::from_pretrained(folder)?,
            #[cfg(feature = "demo-model")]
            Self::Demo => demo::config()?,
        })
    }

    pub(crate) fn checkpoint(self) -> Result<Checkpoint, ModelError> {
        Ok(match self {
            Self::Folder(folder) => Checkpoint::open(folder, ReadMode::Mmap)?,
            #[cfg(feature = "demo-model")]
            Self::Demo => demo::checkpoint()?,
        })
    }
}

impl fmt::Display for ModelSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            #[cfg(feature = "demo-model")]
            Self::Demo => demo::NAME.fmt(f),
        }
    }
}
