//! The values between two layers, in memory.
//!
//! What one product writes and the next one reads may be kept in bf16 where that product rounds it anyway: half the
//! memory to write and to read.

use std::ops::Range;

/// How values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueFormat {
    /// As they are.
    F32,
    /// Rounded to bf16: the upper halves of their bits.
    Bf16,
}

impl ValueFormat {
    /// How many an `f32` word holds.
    pub(crate) fn values_of_a_word(self) -> usize {
        match self {
            Self::F32 => 1,
            Self::Bf16 => 2,
        }
    }

    /// The `f32` words that hold `len` values.
    pub fn words(self, len: usize) -> usize {
        len.div_ceil(self.values_of_a_word())
    }

    /// The first `len` values that `words` hold.
    ///
    /// # Panics
    /// Where `words` are fewer than [`ValueFormat::words`].
    pub fn view(self, words: &[f32], len: usize) -> Values<'_> {
        let words = &words[..self.words(len)];
        match self {
            Self::F32 => Values::F32(words),
            Self::Bf16 => Values::Bf16(&bytemuck::cast_slice(words)[..len]),
        }
    }

    /// The same, to be written.
    ///
    /// # Panics
    /// As for [`ValueFormat::view`].
    pub fn view_mut(self, words: &mut [f32], len: usize) -> ValuesMut<'_> {
        let words = &mut words[..self.words(len)];
        match self {
            Self::F32 => ValuesMut::F32(words),
            Self::Bf16 => ValuesMut::Bf16(&mut bytemuck::cast_slice_mut(words)[..len]),
        }
    }
}

/// Values to be read.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// As they are.
    F32(&'a [f32]),
    /// The bits of bf16 numbers.
    Bf16(&'a [u16]),
}

impl<'a> Values<'a> {
    /// The number of values.
    pub fn len(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::Bf16(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Some of them.
    #[inline(always)]
    pub(crate) fn slice(self, range: Range<usize>) -> Self {
        match self {
            Self::F32(values) => Self::F32(&values[range]),
            Self::Bf16(values) => Self::Bf16(&values[range]),
        }
    }
}

/// Values to be written.
#[derive(Debug)]
pub enum ValuesMut<'a> {
    /// As they are.
    F32(&'a mut [f32]),
    /// The bits of bf16 numbers.
    Bf16(&'a mut [u16]),
}

impl ValuesMut<'_> {
    /// The number of values.
    pub fn len(&self) -> usize {
        self.as_values().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values, to be read.
    pub fn as_values(&self) -> Values<'_> {
        match self {
            Self::F32(values) => Values::F32(values),
            Self::Bf16(values) => Values::Bf16(values),
        }
    }

    /// The same values for a shorter time.
    pub fn reborrow(&mut self) -> ValuesMut<'_> {
        match self {
            Self::F32(values) => ValuesMut::F32(values),
            Self::Bf16(values) => ValuesMut::Bf16(values),
        }
    }
}

impl<'a> From<&'a [f32]> for Values<'a> {
    fn from(values: &'a [f32]) -> Self {
        Self::F32(values)
    }
}

impl<'a> From<&'a mut [f32]> for ValuesMut<'a> {
    fn from(values: &'a mut [f32]) -> Self {
        Self::F32(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_take_half_the_words() {
        let mut words = [f32::from_bits(0x3f80_4000); 3];
        assert_eq!([ValueFormat::F32.words(5), ValueFormat::Bf16.words(5)], [5, 3]);
        let ValuesMut::Bf16(halves) = ValueFormat::Bf16.view_mut(&mut words, 5) else {
            panic!("bf16 numbers");
        };
        assert_eq!(halves, [0x4000, 0x3f80, 0x4000, 0x3f80, 0x4000]);
        assert_eq!(ValueFormat::F32.view_mut(&mut words, 2).len(), 2);
        assert_eq!(ValueFormat::Bf16.view(&words, 5).len(), 5);
    }
}
