//! Conversion of checkpoints to the weights of one precision.

use crate::config::AlignConfig;
use crate::error::ModelError;
use align_bert::AlignTextConfig;
use align_efficientnet::AlignVisionConfig;
use align_tensor::config::ConfigFile;
use align_tensor::{Checkpoint, ConvertedTensor, Precision, ReadMode, Weights, write_converted};
use std::collections::HashSet;
use std::path::Path;

/// The tensors of a checkpoint, rounded for one precision as loading would round them.
///
/// The converted checkpoint loads faster and is smaller. A model loaded from it returns the same
/// bits as one that was rounded at load.
///
/// The batch norms of the vision tower are folded before anything is rounded, as at load. The
/// converted file therefore holds convolutions with biases and no batch norms, and only this engine
/// reads it.
///
/// The file's metadata hold `align.precision`, which becomes the default precision. A checkpoint in
/// `bf16` can still be loaded in other precisions, which then compute with the rounded weights. A
/// checkpoint in `int8` can only be loaded in `int8`.
///
/// ```
/// use align_model::{AlignModel, Conversion, Precision};
///
/// # let (original, converted) = (tempfile::tempdir()?, tempfile::tempdir()?);
/// # let (original, converted) = (original.path(), converted.path());
/// # align_testing::checkpoint::write_checkpoint(original);
/// let conversion = Conversion::from_pretrained(original, Precision::Bf16)?;
/// conversion.write(converted)?;
/// std::fs::copy(original.join("config.json"), converted.join("config.json"))?;
/// assert_eq!(AlignModel::from_pretrained(converted)?.precision(), Precision::Bf16);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Conversion {
    precision: Precision,
    tensors: Vec<ConvertedTensor>,
}

impl Conversion {
    /// Reads the checkpoint of `folder`, a whole model or one tower, and converts it.
    ///
    /// # Errors
    /// If the configuration or a tensor is missing, damaged or of the wrong shape, the precision is
    /// neither [`Precision::Bf16`] nor [`Precision::Int8`], or the checkpoint has been converted
    /// before.
    pub fn from_pretrained(
        folder: impl AsRef<Path>,
        precision: Precision,
    ) -> Result<Self, ModelError> {
        let folder = folder.as_ref();
        if !matches!(precision, Precision::Bf16 | Precision::Int8) {
            return Err(ModelError::NothingToConvert { precision });
        }
        let (vision, text) = configurations(folder)?;
        let checkpoint = Checkpoint::open(folder, ReadMode::Mmap)?;
        if let Some(found) = checkpoint.converted_for()? {
            let folder = folder.to_path_buf();
            return Err(ModelError::ConvertedBefore { folder, found });
        }
        let weights = Weights::new(&checkpoint);
        // The same rule by which the towers find their tensors at load.
        let root = |tower: &str, part: &str| {
            let joined = weights.sub(tower);
            if joined.contains(part) { joined } else { weights.clone() }
        };
        let (mut tensors, mut replaced) = (Vec::new(), HashSet::new());
        let mut take = |(converted, names): (Vec<ConvertedTensor>, Vec<String>)| {
            tensors.extend(converted);
            replaced.extend(names);
        };
        if let Some(vision) = vision {
            let root = root("vision_model", "embeddings.convolution.weight");
            take(align_efficientnet::convert(&vision, &root)?);
        }
        if let Some(text) = &text {
            let root = root("text_model", "embeddings.word_embeddings.weight");
            take(align_bert::convert(text, precision, &root)?);
        }
        let projection = weights.sub("text_projection");
        if let (Some(info), Some(_)) = (checkpoint.info(&projection.full_name("weight")), &text) {
            let converted =
                ConvertedTensor::from_linear(Precision::Bf16, &projection, &info.shape)?;
            take((converted, vec![projection.full_name("weight")]));
        }
        for name in checkpoint.names().filter(|&name| !replaced.contains(name)) {
            let (Some(info), Some(bytes)) = (checkpoint.info(name), checkpoint.bytes(name)?) else {
                continue;
            };
            tensors.push(ConvertedTensor {
                name: name.to_owned(),
                dtype: info.dtype,
                shape: info.shape.clone(),
                bytes: bytes.into_owned(),
            });
        }
        Ok(Self { precision, tensors })
    }

    /// Size of all tensors together, in bytes.
    pub fn size_in_bytes(&self) -> u64 {
        self.tensors.iter().map(|tensor| tensor.bytes.len() as u64).sum()
    }

    /// Writes `model.safetensors` to `folder`.
    ///
    /// The file is incomplete until this function returns. It should be written to a new folder,
    /// which is renamed afterwards.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<(), ModelError> {
        let path = folder.as_ref().join("model.safetensors");
        Ok(write_converted(&path, self.precision, &self.tensors)?)
    }
}

/// The configurations of the towers in a checkpoint folder.
fn configurations(
    folder: &Path,
) -> Result<(Option<AlignVisionConfig>, Option<AlignTextConfig>), ModelError> {
    Ok(match ConfigFile::open(folder)?.model_type() {
        Some("align_vision_model") => (Some(AlignVisionConfig::from_pretrained(folder)?), None),
        Some("align_text_model") => (None, Some(AlignTextConfig::from_pretrained(folder)?)),
        _ => {
            let config = AlignConfig::from_pretrained(folder)?;
            (Some(config.vision_config), Some(config.text_config))
        }
    })
}
