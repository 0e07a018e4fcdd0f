//! Convolutions on NHWC maps.
//!
//! - [`stem`]: the 3 x 3 convolution of stride 2 that reads the NCHW image.
//! - [`expand_depthwise`]: the first half of an inverted-residual block in one pass, so that the
//!   expanded map never exists as a whole. Its steps are 1 x 1 expansion, activation, depthwise
//!   convolution, activation, and the means for squeeze-excite.
//! - [`depthwise`]: a row of a depthwise convolution, in registers.
//! - [`geometry`]: kernel, stride and padding.
//!
//! 1 x 1 convolutions are [`gemm`](crate::gemm()) over pixels.

mod depthwise;
mod expand_depthwise;
mod geometry;
mod stem;

pub use expand_depthwise::{ExpandDepthwise, Expansion};
pub use geometry::DepthwiseGeometry;
pub use stem::Stem;
