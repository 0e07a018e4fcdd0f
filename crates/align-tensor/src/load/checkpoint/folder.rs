//! Whole checkpoints: one file, or the shards of an index.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::header::{Entry, Header};
use super::index;
use super::storage::Storage;
use super::tensor_file::TensorFile;
use super::{CheckpointError, Dtype, ReadMode, TensorInfo, TensorSource};
use crate::number::{NumbersCow, Precision};

/// The file of a checkpoint that is one file.
pub(super) const SINGLE_FILE: &str = "model.safetensors";
/// The index of a checkpoint that is several files.
pub(super) const INDEX_FILE: &str = "model.safetensors.index.json";

/// The key of a file's metadata under which a converted checkpoint names its precision.
pub const PRECISION_KEY: &str = "align.precision";

/// The tensors of a checkpoint, checked and ready to be read.
///
/// ```
/// use align_tensor::{Checkpoint, ReadMode, TensorSource};
/// # use safetensors::{Dtype, tensor::{TensorView, serialize_to_file}};
/// # let folder = tempfile::tempdir()?;
/// # let bytes: Vec<u8> = [1.0f32, 2.0, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect();
/// # let bias = TensorView::new(Dtype::F32, vec![3], &bytes)?;
/// # serialize_to_file([("dense.bias", bias)], None, &folder.path().join("model.safetensors"))?;
///
/// let checkpoint = Checkpoint::open(folder.path(), ReadMode::Mmap)?;
/// assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["dense.bias"]);
/// assert_eq!(*checkpoint.tensor("dense.bias", &[3])?, [1.0, 2.0, 3.0]);
///
/// let error = checkpoint.tensor("dense.bias", &[4]).unwrap_err();
/// assert!(error.to_string().ends_with("expected shape [4], found [3]"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Checkpoint {
    /// The single file or the index, for messages.
    path: PathBuf,
    files: Vec<TensorFile>,
    tensors: BTreeMap<String, Location>,
    /// The metadata of the single file; empty if there are shards.
    metadata: HashMap<String, String>,
}

/// The place of a tensor: an index into [`Checkpoint::files`], and the entry of its header.
#[derive(Debug)]
struct Location {
    file: usize,
    entry: Entry,
}

impl Checkpoint {
    /// Opens the checkpoint of a folder: `model.safetensors` if it is there,
    /// else the shards that `model.safetensors.index.json` names.
    ///
    /// # Errors
    ///
    /// If the folder has neither, a file cannot be read, or an invariant of the
    /// format is broken. See [`CheckpointError`].
    pub fn open(folder: impl AsRef<Path>, mode: ReadMode) -> Result<Self, CheckpointError> {
        let folder = folder.as_ref();
        let single = folder.join(SINGLE_FILE);
        let index = folder.join(INDEX_FILE);
        if single.exists() {
            Self::open_file(single, mode)
        } else if index.exists() {
            Self::open_index(folder, index, mode)
        } else if folder.is_dir() {
            Err(CheckpointError::NoCheckpoint { folder: folder.to_path_buf() })
        } else {
            Err(CheckpointError::NoFolder { folder: folder.to_path_buf() })
        }
    }

    /// The names of the files that [`open`](Self::open) would read from a folder:
    /// `model.safetensors` if it exists, else the shards and their index. Only the index is read.
    ///
    /// # Errors
    ///
    /// If the folder holds neither, or the index cannot be read.
    pub fn list_files(folder: impl AsRef<Path>) -> Result<Vec<String>, CheckpointError> {
        let folder = folder.as_ref();
        let index = folder.join(INDEX_FILE);
        if folder.join(SINGLE_FILE).exists() {
            Ok(vec![SINGLE_FILE.to_owned()])
        } else if index.exists() {
            Ok(index::read(&index)?.into_keys().chain([INDEX_FILE.to_owned()]).collect())
        } else {
            Err(CheckpointError::NoCheckpoint { folder: folder.to_path_buf() })
        }
    }

    /// Opens a single safetensors file, whatever its name.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::open`].
    pub fn open_file(path: impl AsRef<Path>, mode: ReadMode) -> Result<Self, CheckpointError> {
        let path = path.as_ref().to_path_buf();
        TensorFile::open(path.clone(), mode).map(|opened| Self::single(path, opened))
    }

    /// Opens a checkpoint from the bytes of a safetensors file, for example one that is built into the program with
    /// `include_bytes!`. Messages call it `name`.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::open`].
    pub fn from_bytes(
        name: impl Into<PathBuf>,
        bytes: impl Into<Cow<'static, [u8]>>,
    ) -> Result<Self, CheckpointError> {
        let path = name.into();
        TensorFile::from_storage(path.clone(), Storage::Bytes(bytes.into()))
            .map(|opened| Self::single(path, opened))
    }

    fn single(path: PathBuf, (file, header): (TensorFile, Header)) -> Self {
        let Header { tensors, metadata } = header;
        let tensors =
            tensors.into_iter().map(|(name, entry)| (name, Location { file: 0, entry })).collect();
        Self { path, files: vec![file], tensors, metadata }
    }

    fn open_index(folder: &Path, path: PathBuf, mode: ReadMode) -> Result<Self, CheckpointError> {
        let mut files = Vec::new();
        let mut tensors = BTreeMap::new();
        for (shard, names) in index::read(&path)? {
            let shard_path = folder.join(&shard);
            if !shard_path.exists() {
                return Err(CheckpointError::MissingShard { file: path, shard });
            }
            let (file, mut header) = TensorFile::open(shard_path, mode)?;
            for tensor in names {
                let Some(entry) = header.tensors.remove(&tensor) else {
                    return Err(CheckpointError::NotInShard { file: path, tensor, shard });
                };
                tensors.insert(tensor, Location { file: files.len(), entry });
            }
            files.push(file);
        }
        Ok(Self { path, files, tensors, metadata: HashMap::new() })
    }

    /// The opened file: the safetensors file, or the index of the shards.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tensors' names, in alphabetical order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Type and shape of a tensor, or `None` if there is no such tensor.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        Some(&self.tensors.get(name)?.entry.info)
    }

    /// The number of parameters, as `num_parameters()` of the PyTorch model
    /// returns it: the elements of all floating-point tensors except the
    /// statistics of batch norms, which PyTorch stores as buffers named
    /// `running_mean` and `running_var`.
    ///
    /// A converted checkpoint has fewer, since its batch norms are folded. Its
    /// integers count; their scales do not.
    pub fn parameters(&self) -> usize {
        let is_extra = |name: &str| {
            let last = name.rsplit('.').next();
            matches!(last, Some("running_mean" | "running_var" | "weight_scale"))
        };
        let is_weight = |info: &TensorInfo| info.is_float() || info.dtype == Dtype::I8;
        self.tensors
            .iter()
            .filter(|(name, at)| is_weight(&at.entry.info) && !is_extra(name))
            .map(|(_, at)| at.entry.info.elements())
            .sum()
    }

    /// Size in bytes of the safetensors files, headers included.
    pub fn file_size(&self) -> u64 {
        self.files.iter().map(|file| file.len()).sum()
    }

    /// The precision that the checkpoint was converted for, if it was.
    ///
    /// # Errors
    ///
    /// If its metadata name an unknown precision.
    pub fn converted_for(&self) -> Result<Option<Precision>, CheckpointError> {
        let Some(name) = self.metadata.get(PRECISION_KEY) else { return Ok(None) };
        let unknown =
            |source| CheckpointError::UnknownPrecision { file: self.path.clone(), source };
        name.parse().map(Some).map_err(unknown)
    }

    /// The bytes of a tensor in the file, or `None` if there is no such tensor.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn bytes(&self, name: &str) -> Result<Option<Cow<'_, [u8]>>, CheckpointError> {
        self.locate(name).map(|(file, entry)| file.bytes(name, entry)).transpose()
    }

    fn locate(&self, name: &str) -> Option<(&TensorFile, &Entry)> {
        let at = self.tensors.get(name)?;
        Some((&self.files[at.file], &at.entry))
    }

    /// A tensor that must exist and have this shape.
    fn locate_shaped(
        &self,
        name: &str,
        shape: &[usize],
    ) -> Result<(&TensorFile, &Entry), CheckpointError> {
        let Some((file, entry)) = self.locate(name) else {
            return Err(CheckpointError::MissingTensor {
                file: self.path.clone(),
                tensor: name.to_owned(),
            });
        };
        if entry.info.shape != shape {
            return Err(CheckpointError::WrongShape {
                file: file.path().to_path_buf(),
                tensor: name.to_owned(),
                expected: shape.to_vec(),
                found: entry.info.shape.clone(),
            });
        }
        Ok((file, entry))
    }
}

impl TensorSource for Checkpoint {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [f32]>, CheckpointError> {
        let (file, entry) = self.locate_shaped(name, shape)?;
        file.floats(name, entry)
    }

    fn values(&self, name: &str, shape: &[usize]) -> Result<NumbersCow<'_>, CheckpointError> {
        let (file, entry) = self.locate_shaped(name, shape)?;
        file.values(name, entry)
    }

    fn integers(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [i8]>, CheckpointError> {
        let (file, entry) = self.locate_shaped(name, shape)?;
        file.integers(name, entry)
    }

    /// What was converted for int8 has no other weights left; what was converted for bf16 serves
    /// every precision, with weights of bf16.
    fn precision(&self, wanted: Option<Precision>) -> Result<Precision, CheckpointError> {
        match (self.converted_for()?, wanted) {
            (Some(Precision::Int8), Some(wanted)) if wanted != Precision::Int8 => {
                Err(CheckpointError::OnlyIntegers { file: self.path.clone(), wanted })
            }
            (stored, wanted) => Ok(wanted.or(stored).unwrap_or_default()),
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    fn release(&self, name: &str) {
        if let Some((file, entry)) = self.locate(name) {
            file.release(entry);
        }
    }
}
