//! What files hold in little-endian order, and room for it.

use std::io;

use bytemuck::Pod;
use half::{bf16, f16};

/// A type whose values files hold in little-endian order.
pub trait Element: Pod {
    /// The value whose bytes were read in little-endian order.
    fn to_native_order(self) -> Self;
}

impl Element for u8 {
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

/// `count` zeros, or an error where `vec!` would end the process.
pub(crate) fn zeroed<T: Pod>(count: usize) -> io::Result<Vec<T>> {
    let mut elements = Vec::new();
    elements.try_reserve_exact(count)?;
    elements.resize(count, T::zeroed());
    Ok(elements)
}
