//! The thread team: one entry into a `rayon` pool for a whole forward.
//!
//! A forward has some two hundred short phases, too many for a fork and a join each. So
//! [`Threads::gather`] enters the pool once. The caller leads, and the pool's threads wait in
//! [`Team`] for the tasks of one phase after another. The leader never waits for a thread that has
//! not begun: if a core is busy elsewhere, the others take its tasks.
//!
//! - [`pool`]: the threads, and how they gather.
//! - [`team`]: phases, and the ways to cut data into tasks.
//! - [`disjoint`]: memory that several tasks write, each its own part; [`claims`] checks that in
//!   debug builds, and [`task`] says which task a thread runs.
//! - [`protocol`]: the handshake between leader and followers, written with [`primitives`] and
//!   model-tested in `model_tests`.

#[cfg(debug_assertions)]
mod claims;
mod disjoint;
mod pool;
mod primitives;
mod protocol;
mod task;
mod team;

pub(crate) use disjoint::{DisjointMut, Rectangle};
pub use pool::Threads;
pub use team::Team;

#[cfg(all(test, debug_assertions))]
mod disjoint_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
