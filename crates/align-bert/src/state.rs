//! The hidden state between layers.

use align_tensor::{ArenaSize, Forward, NumberFormat, Numbers, bf16};

/// Rows `[rows, hidden]` that a LayerNorm has written.
pub(crate) struct State<'a> {
    /// In `f32`, for residuals.
    pub(crate) values: &'a mut [f32],
    /// In bf16, if the next products read bf16.
    pub(crate) rounded: Option<&'a mut [bf16]>,
}

impl<'a> State<'a> {
    /// The arena space of `len` values that products read in this format.
    pub(crate) fn arena_size(format: NumberFormat, len: usize) -> ArenaSize {
        let rounded = if Self::is_rounded(format) { len } else { 0 };
        ArenaSize::for_array::<f32>(len) + ArenaSize::for_array::<bf16>(rounded)
    }

    /// Takes `len` values from the arena.
    pub(crate) fn take(forward: &mut Forward<'a>, format: NumberFormat, len: usize) -> Self {
        let values = forward.take(len);
        let rounded = Self::is_rounded(format).then(|| forward.take(len));
        Self { values, rounded }
    }

    /// Whether products read bf16.
    fn is_rounded(format: NumberFormat) -> bool {
        format == NumberFormat::Bf16
    }

    /// The rows in the format that products read.
    pub(crate) fn inputs(&self) -> Numbers<'_> {
        match &self.rounded {
            Some(rounded) => Numbers::Bf16(rounded),
            None => Numbers::F32(self.values),
        }
    }
}
