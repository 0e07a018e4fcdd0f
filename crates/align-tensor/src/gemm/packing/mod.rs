//! Packing: operands in the order in which the microkernel reads them.

pub(crate) mod lhs;
pub(crate) mod weights;
