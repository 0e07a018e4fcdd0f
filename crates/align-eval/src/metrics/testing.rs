//! Helpers of the tests of metrics.

use align_tensor::{Isa, Runtime, Threads};
use ndarray::Array2;
use std::num::NonZeroUsize;

/// A runtime for every instruction set, on one thread and on three.
pub(super) fn runtimes() -> Vec<Runtime> {
    let threads = |count| Threads::new(NonZeroUsize::new(count).unwrap());
    let base = Runtime::new().unwrap();
    let runtime = |isa, count| base.clone().with_isa(isa).with_threads(threads(count));
    Isa::available().into_iter().flat_map(|isa| [runtime(isa, 1), runtime(isa, 3)]).collect()
}

/// Whole numbers from -4 to 4. Their inner products are exact in f32, and many are equal.
pub(super) fn integers(seed: u64, shape: (usize, usize)) -> Array2<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    Array2::from_shape_simple_fn(shape, || {
        // The constants are those of Knuth's generator MMIX.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % 9) as f32 - 4.0
    })
}
