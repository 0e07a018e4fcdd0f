//! Packing: operands in the order in which the microkernel reads them.
//!
//! - [`layout`]: the panels of packed weights and where each is stored.
//! - [`descriptor`]: a layout that can be written to a file and checked when the file is read.
//! - [`storage`]: the packed words, owned or in mapped memory.
//! - [`weights`]: packing of weights; [`view`]: packed weights as kernels take them.
//! - [`panel`]: one panel: packing, widening and scaling.
//! - [`lhs`]: packed rows of the lhs.

pub(crate) mod descriptor;
pub(crate) mod layout;
pub(crate) mod lhs;
pub(crate) mod panel;
mod storage;
pub(crate) mod view;
pub(crate) mod weights;
