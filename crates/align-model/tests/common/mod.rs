//! Load options that several test programs use.

use align_model::{Isa, LoadOptions, Runtime, Threads};
use std::num::NonZeroUsize;

/// Load options for one instruction set and number of threads.
pub(crate) fn load_options(isa: Isa, threads: usize) -> LoadOptions {
    let threads = Threads::new(NonZeroUsize::new(threads).unwrap());
    let runtime = Runtime::new().unwrap().with_isa(isa).with_threads(threads);
    LoadOptions::from_runtime(runtime)
}
