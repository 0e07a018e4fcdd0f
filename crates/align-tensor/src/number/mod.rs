//! Numbers: their formats, how they are rounded, and arithmetic on sizes. No CPU-specific code, no `unsafe`.

pub(crate) mod bf16;
pub(crate) mod elements;
mod precision;
pub(crate) mod quantize;
pub(crate) mod sizes;
mod values;

pub use elements::Element;
pub use precision::{Precision, PrecisionError};
pub use values::{ValueFormat, Values, ValuesMut};
