//! Elements of files, which are little-endian.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use bytemuck::Pod;
use half::{bf16, f16};

/// A type whose values are stored in files in little-endian order.
pub trait Element: Pod {
    /// The value whose bytes were read in little-endian order.
    fn to_native_order(self) -> Self;
}

impl Element for u8 {
    fn to_native_order(self) -> Self {
        self
    }
}

impl Element for i8 {
    fn to_native_order(self) -> Self {
        self
    }
}

impl Element for u64 {
    fn to_native_order(self) -> Self {
        Self::from_le(self)
    }
}

impl Element for f32 {
    fn to_native_order(self) -> Self {
        Self::from_bits(u32::from_le(self.to_bits()))
    }
}

impl Element for f16 {
    fn to_native_order(self) -> Self {
        Self::from_bits(u16::from_le(self.to_bits()))
    }
}

impl Element for bf16 {
    fn to_native_order(self) -> Self {
        Self::from_bits(u16::from_le(self.to_bits()))
    }
}

/// The little-endian elements in a range of bytes, borrowed if they are aligned and in the byte order of this machine.
/// The range's length must be a multiple of the element's size. Fails if the range reaches beyond `all`.
pub(crate) fn in_range<T: Element>(all: &[u8], range: Range<u64>) -> io::Result<Cow<'_, [T]>> {
    if range.start > range.end || range.end > all.len() as u64 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // Lossless: the range is inside a slice.
    let bytes = &all[range.start as usize..range.end as usize];
    let mut elements = match bytemuck::try_cast_slice::<u8, T>(bytes) {
        Ok(elements) => Cow::Borrowed(elements),
        Err(_) => Cow::Owned(filled(bytes.len() as u64, |into| {
            into.copy_from_slice(bytes);
            Ok(())
        })?),
    };
    if cfg!(target_endian = "big") {
        elements.to_mut().iter_mut().for_each(|x| *x = x.to_native_order());
    }
    Ok(elements)
}

/// `length` bytes of new elements, filled by `fill`.
pub(crate) fn filled<T: Element>(
    length: u64,
    fill: impl FnOnce(&mut [u8]) -> io::Result<()>,
) -> io::Result<Vec<T>> {
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut elements = zeroed(length / size_of::<T>())?;
    fill(bytemuck::cast_slice_mut(&mut elements))?;
    Ok(elements)
}

/// `count` zeros. Fails if there is not enough memory, where `vec!` would end the process.
pub(crate) fn zeroed<T: Pod>(count: usize) -> io::Result<Vec<T>> {
    let mut elements = Vec::new();
    elements.try_reserve_exact(count)?;
    elements.resize(count, T::zeroed());
    Ok(elements)
}
