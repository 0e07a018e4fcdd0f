//! What a forward runs with: instruction set, threads and precision, and the times of its steps.

mod profile;
mod runtime;

pub use profile::{Profile, Step};
pub use runtime::Runtime;
