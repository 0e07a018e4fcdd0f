//! Memory: aligned buffers, the arena of a forward, and the workspaces of threads.

mod aligned;
mod arena;
pub(crate) mod workspace;

pub use aligned::AlignedBuffer;
pub(crate) use aligned::{LINE, round_up_to_line};
pub use arena::{Arena, ArenaSize, ArenaSpace, KeptArena};
