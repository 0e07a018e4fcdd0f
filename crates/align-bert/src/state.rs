//! The hidden state between layers.

use align_tensor::{ArenaSpace, ValueFormat, Values, ValuesMut};

/// Rows `[rows, hidden]` as a LayerNorm writes them.
pub(crate) struct State<'a> {
    /// In `f32`, which residuals are.
    pub(crate) values: &'a mut [f32],
    /// The same as the next products read it, where that is in bf16.
    pub(crate) rounded: Option<&'a mut [u16]>,
}

impl<'a> State<'a> {
    /// The arena space for `len` values that products read in this format.
    pub(crate) fn arena_sizes(format: ValueFormat, len: usize) -> [usize; 2] {
        let rounded = match format {
            ValueFormat::F32 => 0,
            ValueFormat::Bf16 => format.words(len),
        };
        [len, rounded]
    }

    /// In that space.
    pub(crate) fn new(format: ValueFormat, [values, words]: [&'a mut [f32]; 2]) -> Self {
        let rounded_len = if words.is_empty() { 0 } else { values.len() };
        let rounded = match format.view_mut(words, rounded_len) {
            ValuesMut::F32(_) => None,
            ValuesMut::Bf16(rounded) => Some(rounded),
        };
        Self { values, rounded }
    }

    /// Two of `len` values: what a layer reads and what it writes.
    pub(crate) fn pair(arena: &mut ArenaSpace<'a>, format: ValueFormat, len: usize) -> [Self; 2] {
        let sizes = Self::arena_sizes(format, len);
        [sizes; 2].map(|sizes| Self::new(format, sizes.map(|len| arena.take(len))))
    }

    /// For a product to read.
    pub(crate) fn inputs(&self) -> Values<'_> {
        match &self.rounded {
            Some(rounded) => Values::Bf16(rounded),
            None => Values::F32(self.values),
        }
    }
}
