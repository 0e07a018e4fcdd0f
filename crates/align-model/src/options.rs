//! Options of loading a model and of a forward.

use align_bert::TextOptions;
use align_efficientnet::VisionOptions;
use align_tensor::{IsaError, ReadMode, Runtime};

/// Options of loading a model.
///
/// ```
/// use align_model::{LoadOptions, ReadMode, Threads};
///
/// let mut options = LoadOptions::new()?.with_read_mode(ReadMode::Read);
/// options.runtime = options.runtime.with_threads(Threads::single());
/// # Ok::<(), align_model::IsaError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Instruction set, threads and precision of the model.
    pub runtime: Runtime,
    /// How weights are read. The default is to map the files. [`ReadMode::Read`] suits files that
    /// should not be mapped, such as those on a network disk.
    pub read_mode: ReadMode,
}

impl LoadOptions {
    /// The default options: the runtime of [`Runtime::new`], and mapped weights.
    ///
    /// # Errors
    /// As [`Runtime::new`].
    pub fn new() -> Result<Self, IsaError> {
        Runtime::new().map(Self::from_runtime)
    }

    /// The default options, but with this runtime.
    pub fn from_runtime(runtime: Runtime) -> Self {
        Self { runtime, read_mode: ReadMode::Mmap }
    }

    /// Sets [`runtime`](Self::runtime).
    #[must_use]
    pub fn with_runtime(self, runtime: Runtime) -> Self {
        Self { runtime, ..self }
    }

    /// Sets [`read_mode`](Self::read_mode).
    #[must_use]
    pub fn with_read_mode(self, read_mode: ReadMode) -> Self {
        Self { read_mode, ..self }
    }
}

/// Additional outputs of [`AlignModel::forward`](crate::AlignModel::forward). The default is none.
///
/// ```
/// use align_model::ForwardOptions;
///
/// let options = ForwardOptions::default().with_return_loss(true);
/// assert!(options.return_loss && !options.hidden_states);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForwardOptions {
    /// The contrastive loss. It needs equal numbers of texts and images.
    pub return_loss: bool,
    /// The hidden states of both towers.
    pub hidden_states: bool,
    /// The attention weights of the text tower.
    pub attentions: bool,
    /// The rows of masked tokens, as the original computes them. Without this option they are
    /// zero. They never change embeddings or logits.
    pub padding: bool,
}

impl ForwardOptions {
    /// Sets [`return_loss`](Self::return_loss).
    #[must_use]
    pub const fn with_return_loss(self, return_loss: bool) -> Self {
        Self { return_loss, ..self }
    }

    /// Sets [`hidden_states`](Self::hidden_states).
    #[must_use]
    pub const fn with_hidden_states(self, hidden_states: bool) -> Self {
        Self { hidden_states, ..self }
    }

    /// Sets [`attentions`](Self::attentions).
    #[must_use]
    pub const fn with_attentions(self, attentions: bool) -> Self {
        Self { attentions, ..self }
    }

    /// Sets [`padding`](Self::padding).
    #[must_use]
    pub const fn with_padding(self, padding: bool) -> Self {
        Self { padding, ..self }
    }

    /// The part for the text tower.
    pub(crate) fn text(self) -> TextOptions {
        TextOptions::new()
            .with_hidden_states(self.hidden_states)
            .with_attentions(self.attentions)
            .with_padding(self.padding)
    }

    /// The part for the vision tower.
    pub(crate) fn vision(self) -> VisionOptions {
        VisionOptions::new().with_hidden_states(self.hidden_states)
    }
}
