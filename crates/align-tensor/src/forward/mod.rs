//! Forwards: what a tower computes with, what its layers share, and the times of its steps.

mod context;
mod profile;
mod runtime;

pub use context::Forward;
pub use profile::{Profile, Step, StepGuard};
pub use runtime::Runtime;
