//! The hidden state between layers.

use align_tensor::{ArenaSize, Forward, ValueFormat, Values};

/// Rows `[rows, hidden]` that a LayerNorm has written.
pub(crate) struct State<'a> {
    /// In `f32`, for residuals.
    pub(crate) values: &'a mut [f32],
    /// In bf16, if the next products read bf16.
    pub(crate) rounded: Option<&'a mut [u16]>,
}

impl<'a> State<'a> {
    /// The arena space of `len` values that products read in this format.
    pub(crate) fn arena_size(format: ValueFormat, len: usize) -> ArenaSize {
        let values = ArenaSize::for_array::<f32>(len);
        match format {
            ValueFormat::F32 => values,
            ValueFormat::Bf16 => values + ArenaSize::for_values(format, len),
        }
    }

    /// Takes `len` values from the arena.
    pub(crate) fn take(forward: &mut Forward<'a>, format: ValueFormat, len: usize) -> Self {
        let values = forward.take(len);
        let rounded = match format {
            ValueFormat::F32 => None,
            ValueFormat::Bf16 => Some(forward.take(len)),
        };
        Self { values, rounded }
    }

    /// The rows in the format that products read.
    pub(crate) fn inputs(&self) -> Values<'_> {
        match &self.rounded {
            Some(rounded) => Values::Bf16(rounded),
            None => Values::F32(self.values),
        }
    }
}
