//! Arrays of numbers whose format is known at run time.
//!
//! Each form has one variant for each [`NumberFormat`]:
//!
//! | form | holds |
//! |---|---|
//! | [`Numbers`] | `&[T]` |
//! | [`NumbersMut`] | `&mut [T]` |
//! | [`NumbersCow`] | `Cow<[T]>`: owned, or borrowed from a mapped file |
//!
//! The forms are three small enums and not one that is generic over the container: a container parameter with a
//! lifetime would make `Numbers<'a>` invariant, and its variants would be hidden in the documentation.

use std::borrow::Cow;
use std::ops::Range;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::number::bf16_bits::round as round_to_bf16;
use crate::number::elements::Element;
use crate::number::format::NumberFormat;

/// Borrowed numbers.
///
/// ```
/// use align_tensor::{NumberFormat, Numbers};
///
/// let numbers = Numbers::from(&[1i8, -2, 3][..]);
/// let mut widened = [0.0; 2];
/// numbers.slice(1..3).widen(&mut widened);
/// assert_eq!((numbers.format(), widened), (NumberFormat::I8, [-2.0, 3.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Numbers<'a> {
    /// IEEE single precision.
    F32(&'a [f32]),
    /// IEEE half precision.
    F16(&'a [f16]),
    /// bfloat16.
    Bf16(&'a [bf16]),
    /// 8-bit integers. The scales of quantised weights are a separate array: how many integers share a scale depends on
    /// the layer, not on the format.
    I8(&'a [i8]),
}

impl<'a> Numbers<'a> {
    /// The format of each number.
    pub fn format(self) -> NumberFormat {
        match self {
            Self::F32(_) => NumberFormat::F32,
            Self::F16(_) => NumberFormat::F16,
            Self::Bf16(_) => NumberFormat::Bf16,
            Self::I8(_) => NumberFormat::I8,
        }
    }

    /// The number of numbers.
    #[inline(always)]
    pub fn len(self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::F16(numbers) => numbers.len(),
            Self::Bf16(numbers) => numbers.len(),
            Self::I8(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The numbers in a range.
    ///
    /// # Panics
    /// If the range reaches beyond the end.
    #[inline(always)]
    #[must_use]
    pub fn slice(self, range: Range<usize>) -> Self {
        match self {
            Self::F32(numbers) => Self::F32(&numbers[range]),
            Self::F16(numbers) => Self::F16(&numbers[range]),
            Self::Bf16(numbers) => Self::Bf16(&numbers[range]),
            Self::I8(numbers) => Self::I8(&numbers[range]),
        }
    }

    /// Writes the numbers to `to` as `f32`, which holds each of them exactly.
    ///
    /// # Panics
    /// If `to` has another length.
    pub fn widen(self, to: &mut [f32]) {
        assert_eq!(self.len(), to.len(), "one f32 for each number");
        match self {
            Self::F32(numbers) => to.copy_from_slice(numbers),
            Self::F16(numbers) => numbers.convert_to_f32_slice(to),
            Self::Bf16(numbers) => numbers.convert_to_f32_slice(to),
            Self::I8(numbers) => to.iter_mut().zip(numbers).for_each(|(to, &x)| *to = x.into()),
        }
    }

    /// Adds each number, as `f32`, to the sum of its index.
    ///
    /// # Panics
    /// If there is not one sum for each number.
    pub fn add_to(self, sums: &mut [f32]) {
        fn add<T: Copy>(numbers: &[T], sums: &mut [f32], widen: impl Fn(T) -> f32) {
            sums.iter_mut().zip(numbers).for_each(|(sum, &x)| *sum += widen(x));
        }
        assert_eq!(self.len(), sums.len(), "one sum for each number");
        match self {
            Self::F32(numbers) => add(numbers, sums, |x| x),
            Self::F16(numbers) => add(numbers, sums, f16::to_f32),
            Self::Bf16(numbers) => add(numbers, sums, bf16::to_f32),
            Self::I8(numbers) => add(numbers, sums, f32::from),
        }
    }

    /// The numbers in another format, rounded as by [`NumbersMut::write_rounded`]. Numbers that have the format already
    /// are rounded as well, which makes subnormals of bf16 zero.
    ///
    /// # Panics
    /// If the format is [`NumberFormat::I8`], whose rounding needs a scale.
    #[must_use]
    pub fn rounded(self, format: NumberFormat) -> NumbersCow<'static> {
        if format == NumberFormat::F32 {
            let mut widened = vec![0.0; self.len()];
            self.widen(&mut widened);
            return widened.into();
        }
        // The widened numbers of a block stay in the first-level cache.
        const BLOCK: usize = 1024;
        let mut widened = [0.0; BLOCK];
        let mut rounded = NumbersCow::zeroed(format, self.len());
        let mut rest = rounded.as_mut();
        for start in (0..self.len()).step_by(BLOCK) {
            let block = self.slice(start..self.len().min(start + BLOCK));
            let widened = &mut widened[..block.len()];
            block.widen(widened);
            let (to, after) = rest.split_at(block.len());
            to.write_rounded(widened);
            rest = after;
        }
        rounded
    }

    /// The bytes of the numbers in little-endian order, as files hold them. Borrowed if that is the byte order of this
    /// machine.
    pub fn to_le_bytes(self) -> Cow<'a, [u8]> {
        fn bytes<T: Element>(numbers: &[T]) -> Cow<'_, [u8]> {
            if cfg!(target_endian = "little") {
                return bytemuck::cast_slice(numbers).into();
            }
            // Swapping the bytes of a number is its own inverse.
            let swapped: Vec<T> = numbers.iter().map(|x| x.to_native_order()).collect();
            bytemuck::cast_slice(&swapped).to_vec().into()
        }
        match self {
            Self::F32(numbers) => bytes(numbers),
            Self::F16(numbers) => bytes(numbers),
            Self::Bf16(numbers) => bytes(numbers),
            Self::I8(numbers) => bytes(numbers),
        }
    }
}

/// Numbers to be written.
#[derive(Debug, PartialEq)]
pub enum NumbersMut<'a> {
    /// IEEE single precision.
    F32(&'a mut [f32]),
    /// IEEE half precision.
    F16(&'a mut [f16]),
    /// bfloat16.
    Bf16(&'a mut [bf16]),
    /// 8-bit integers.
    I8(&'a mut [i8]),
}

impl<'a> NumbersMut<'a> {
    /// The numbers, to be read.
    pub fn as_numbers(&self) -> Numbers<'_> {
        match self {
            Self::F32(numbers) => Numbers::F32(numbers),
            Self::F16(numbers) => Numbers::F16(numbers),
            Self::Bf16(numbers) => Numbers::Bf16(numbers),
            Self::I8(numbers) => Numbers::I8(numbers),
        }
    }

    /// The format of each number.
    pub fn format(&self) -> NumberFormat {
        self.as_numbers().format()
    }

    /// The number of numbers.
    pub fn len(&self) -> usize {
        self.as_numbers().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same numbers for a shorter time.
    pub fn reborrow(&mut self) -> NumbersMut<'_> {
        match self {
            Self::F32(numbers) => NumbersMut::F32(numbers),
            Self::F16(numbers) => NumbersMut::F16(numbers),
            Self::Bf16(numbers) => NumbersMut::Bf16(numbers),
            Self::I8(numbers) => NumbersMut::I8(numbers),
        }
    }

    /// The first `len` numbers, and the rest.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn split_at(self, len: usize) -> (NumbersMut<'a>, NumbersMut<'a>) {
        fn split<'a, T>(numbers: &'a mut [T], len: usize) -> (NumbersMut<'a>, NumbersMut<'a>)
        where
            NumbersMut<'a>: From<&'a mut [T]>,
        {
            let (first, rest) = numbers.split_at_mut(len);
            (first.into(), rest.into())
        }
        match self {
            Self::F32(numbers) => split(numbers, len),
            Self::F16(numbers) => split(numbers, len),
            Self::Bf16(numbers) => split(numbers, len),
            Self::I8(numbers) => split(numbers, len),
        }
    }

    /// Writes `values`, each rounded to the format: to the nearest number, ties to even. Subnormals become zero in bf16,
    /// as the CPU's conversions make them.
    ///
    /// # Panics
    /// If there is not one value for each number, or the format is [`NumberFormat::I8`], whose rounding needs a scale.
    pub fn write_rounded(self, values: &[f32]) {
        assert_eq!(self.len(), values.len(), "one value for each number");
        match self {
            Self::F32(numbers) => numbers.copy_from_slice(values),
            Self::F16(numbers) => numbers.convert_from_f32_slice(values),
            Self::Bf16(numbers) => {
                let pairs = numbers.iter_mut().zip(values);
                pairs.for_each(|(to, &x)| *to = bf16::from_bits(round_to_bf16(x)));
            }
            Self::I8(_) => panic!("integers are rounded with a scale"),
        }
    }
}

/// Numbers that are owned, or borrowed from where they are stored.
#[derive(Clone, Debug, PartialEq)]
pub enum NumbersCow<'a> {
    /// IEEE single precision.
    F32(Cow<'a, [f32]>),
    /// IEEE half precision.
    F16(Cow<'a, [f16]>),
    /// bfloat16.
    Bf16(Cow<'a, [bf16]>),
    /// 8-bit integers.
    I8(Cow<'a, [i8]>),
}

impl<'a> NumbersCow<'a> {
    /// `len` zeros.
    pub fn zeroed(format: NumberFormat, len: usize) -> Self {
        match format {
            NumberFormat::F32 => bytemuck::zeroed_vec::<f32>(len).into(),
            NumberFormat::F16 => bytemuck::zeroed_vec::<f16>(len).into(),
            NumberFormat::Bf16 => bytemuck::zeroed_vec::<bf16>(len).into(),
            NumberFormat::I8 => bytemuck::zeroed_vec::<i8>(len).into(),
        }
    }

    /// The numbers, to be read.
    pub fn as_numbers(&self) -> Numbers<'_> {
        match self {
            Self::F32(numbers) => Numbers::F32(numbers),
            Self::F16(numbers) => Numbers::F16(numbers),
            Self::Bf16(numbers) => Numbers::Bf16(numbers),
            Self::I8(numbers) => Numbers::I8(numbers),
        }
    }

    /// The numbers, to be written. Borrowed numbers are copied first.
    pub fn as_mut(&mut self) -> NumbersMut<'_> {
        match self {
            Self::F32(numbers) => NumbersMut::F32(numbers.to_mut()),
            Self::F16(numbers) => NumbersMut::F16(numbers.to_mut()),
            Self::Bf16(numbers) => NumbersMut::Bf16(numbers.to_mut()),
            Self::I8(numbers) => NumbersMut::I8(numbers.to_mut()),
        }
    }

    /// The format of each number.
    pub fn format(&self) -> NumberFormat {
        self.as_numbers().format()
    }

    /// The number of numbers.
    pub fn len(&self) -> usize {
        self.as_numbers().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All numbers as `f32`, which holds each of them exactly. Borrowed if they are borrowed as `f32`.
    pub fn into_f32(self) -> Cow<'a, [f32]> {
        match self {
            Self::F32(numbers) => numbers,
            other => {
                let mut widened = vec![0.0; other.len()];
                other.as_numbers().widen(&mut widened);
                widened.into()
            }
        }
    }

    /// The same numbers, owned.
    pub fn into_owned(self) -> NumbersCow<'static> {
        match self {
            Self::F32(numbers) => numbers.into_owned().into(),
            Self::F16(numbers) => numbers.into_owned().into(),
            Self::Bf16(numbers) => numbers.into_owned().into(),
            Self::I8(numbers) => numbers.into_owned().into(),
        }
    }
}

/// Implements the conversions from arrays of one format.
macro_rules! convert_from {
    ($($format:ident $number:ty),*) => {$(
        impl<'a> From<&'a [$number]> for Numbers<'a> {
            fn from(numbers: &'a [$number]) -> Self {
                Self::$format(numbers)
            }
        }

        impl<'a> From<&'a mut [$number]> for NumbersMut<'a> {
            fn from(numbers: &'a mut [$number]) -> Self {
                Self::$format(numbers)
            }
        }

        impl<'a> From<Cow<'a, [$number]>> for NumbersCow<'a> {
            fn from(numbers: Cow<'a, [$number]>) -> Self {
                Self::$format(numbers)
            }
        }

        impl From<Vec<$number>> for NumbersCow<'_> {
            fn from(numbers: Vec<$number>) -> Self {
                Self::$format(numbers.into())
            }
        }
    )*};
}

convert_from!(F32 f32, F16 f16, Bf16 bf16, I8 i8);

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [NumberFormat; 4] =
        [NumberFormat::F32, NumberFormat::F16, NumberFormat::Bf16, NumberFormat::I8];

    #[test]
    fn every_format_keeps_what_it_can_hold() {
        let values = [1.0, -2.0, 0.0, 127.0];
        for format in FORMATS {
            let mut numbers = NumbersCow::zeroed(format, values.len());
            match numbers.as_mut() {
                NumbersMut::I8(integers) => integers.copy_from_slice(&[1, -2, 0, 127]),
                other => other.write_rounded(&values),
            }
            assert_eq!((numbers.format(), numbers.len()), (format, 4));
            let bytes = numbers.as_numbers().to_le_bytes().into_owned();
            assert_eq!(bytes.len(), 4 * format.size());
            let mut last = [0.0; 2];
            numbers.as_numbers().slice(2..4).widen(&mut last);
            assert_eq!(last, [0.0, 127.0]);
            assert_eq!(numbers.clone().into_owned(), numbers);
            assert_eq!(*numbers.into_f32(), values);
        }
    }

    #[test]
    fn bytes_are_little_endian() {
        let bytes = |numbers: Numbers<'_>| numbers.to_le_bytes().into_owned();
        assert_eq!(bytes(Numbers::F32(&[1.0])), [0, 0, 0x80, 0x3f]);
        assert_eq!(bytes(Numbers::F16(&[f16::ONE])), [0, 0x3c]);
        assert_eq!(bytes(Numbers::Bf16(&[bf16::ONE])), [0x80, 0x3f]);
        assert_eq!(bytes(Numbers::I8(&[-1])), [0xff]);
    }

    #[test]
    fn bf16_is_rounded_as_the_cpu_rounds_it() {
        let values = [f32::from_bits(1), 1.003_906_2, f32::MAX, -0.1];
        let mut numbers = [bf16::ONE; 4];
        NumbersMut::Bf16(&mut numbers).write_rounded(&values);
        assert_eq!(numbers.map(bf16::to_bits), values.map(round_to_bf16));
    }

    #[test]
    fn numbers_of_many_blocks_are_rounded() {
        let values: Vec<f32> = (0..2500).map(|i| i as f32 / 3.0).collect();
        let numbers = Numbers::F32(&values);
        assert_eq!(numbers.rounded(NumberFormat::F32).as_numbers(), numbers);
        let rounded = numbers.rounded(NumberFormat::Bf16).into_f32();
        let mut sums = vec![1.0; values.len()];
        numbers.rounded(NumberFormat::Bf16).as_numbers().add_to(&mut sums);
        for ((&x, &rounded), sum) in values.iter().zip(&*rounded).zip(sums) {
            let expected = bf16::from_bits(round_to_bf16(x)).to_f32();
            assert_eq!((rounded, sum), (expected, 1.0 + expected));
        }
    }

    #[test]
    fn parts_are_written_apart() {
        let mut values = [0.0; 3];
        let mut numbers = NumbersMut::from(&mut values[..]);
        numbers.reborrow().write_rounded(&[1.0, 1.0, 1.0]);
        let (first, rest) = numbers.split_at(1);
        assert_eq!((first.len(), rest.len()), (1, 2));
        rest.write_rounded(&[2.0, 3.0]);
        assert_eq!(values, [1.0, 2.0, 3.0]);
    }

    #[test]
    #[should_panic(expected = "with a scale")]
    fn integers_are_not_rounded_without_a_scale() {
        NumbersMut::I8(&mut [0]).write_rounded(&[1.0]);
    }
}
