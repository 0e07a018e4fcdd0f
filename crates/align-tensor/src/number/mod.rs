//! Numbers: their formats, how they are rounded, and arithmetic on sizes. No CPU-specific code, no `unsafe`.

pub(crate) mod bf16_bits;
pub(crate) mod elements;
mod format;
mod numbers;
mod precision;
pub(crate) mod quantize;
pub(crate) mod sizes;

pub use elements::Element;
pub use format::NumberFormat;
pub use numbers::{Numbers, NumbersCow, NumbersMut};
pub use precision::{Precision, PrecisionError};
