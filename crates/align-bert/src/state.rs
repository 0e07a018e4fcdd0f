//! The hidden state between layers.

use align_tensor::{ArenaSpace, ValueFormat, Values, ValuesMut};

/// Rows `[rows, hidden]` as a LayerNorm writes them: in `f32`, which residuals are, and besides in the form that the next
/// products read, where that is another.
pub(crate) struct State<'a> {
    pub(crate) values: &'a mut [f32],
    /// Words; none where products read `f32`.
    rounded: &'a mut [f32],
    format: ValueFormat,
}

impl<'a> State<'a> {
    /// The arena space for `len` values.
    pub(crate) fn arena_sizes(format: ValueFormat, len: usize) -> [usize; 2] {
        [len, if format == ValueFormat::F32 { 0 } else { format.words(len) }]
    }

    /// Takes that space.
    pub(crate) fn take(arena: &mut ArenaSpace<'a>, format: ValueFormat, len: usize) -> Self {
        let [values, rounded] = Self::arena_sizes(format, len).map(|len| arena.take(len));
        Self { values, rounded, format }
    }

    /// Values that no product reads.
    pub(crate) fn last(values: &'a mut [f32]) -> Self {
        Self { values, rounded: &mut [], format: ValueFormat::F32 }
    }

    /// For a product to read.
    pub(crate) fn inputs(&self) -> Values<'_> {
        match self.format {
            ValueFormat::F32 => Values::F32(self.values),
            format => format.view(self.rounded, self.values.len()),
        }
    }

    /// For a norm to write: the values in place, and what it rounds them to.
    pub(crate) fn parts_mut(&mut self) -> (&mut [f32], Option<&mut [u16]>) {
        let rounded = match self.format {
            ValueFormat::F32 => None,
            format => match format.view_mut(self.rounded, self.values.len()) {
                ValuesMut::F32(_) => None,
                ValuesMut::Bf16(rounded) => Some(rounded),
            },
        };
        (self.values, rounded)
    }
}
