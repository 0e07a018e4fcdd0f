//! The thread team: one entry into a `rayon` pool for a whole forward.
//!
//! A forward has some two hundred short phases, too many for a fork and a join each. So
//! [`Threads::gather`] enters the pool once; the caller leads, and the pool's threads wait in
//! [`Team`] for the tasks of one phase after another. Nobody is waited for who has not begun:
//! where a core is busy elsewhere, the others take its tasks.

mod team;

use team::Shared;
pub(crate) use team::SharedMut;
pub use team::Team;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// The threads that share a forward's work. Cheap to clone.
#[derive(Clone)]
pub struct Threads {
    count: usize,
    /// Holds the threads beside the caller's own; none where the caller works alone.
    pool: Option<Arc<rayon::ThreadPool>>,
}

impl Threads {
    /// The caller's thread and `count - 1` others. One thread starts none.
    ///
    /// Where the system refuses to start the others, the caller works alone.
    pub fn new(count: NonZeroUsize) -> Self {
        let helpers = count.get() - 1;
        if helpers == 0 {
            return Self::single();
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(helpers)
            .thread_name(|index| format!("align-{}", index + 1))
            .build();
        match pool {
            // There are as many as rayon allows, which may be fewer than asked for.
            Ok(pool) => Self { count: pool.current_num_threads() + 1, pool: Some(Arc::new(pool)) },
            Err(_) => Self::single(),
        }
    }

    /// A thread for each core that the process may use.
    pub fn available() -> Self {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// The caller's thread alone.
    pub fn single() -> Self {
        Self { count: 1, pool: None }
    }

    /// As many threads as `pool` has: the caller's own and all but one of the pool's.
    pub fn with_pool(pool: Arc<rayon::ThreadPool>) -> Self {
        match pool.current_num_threads() {
            0 | 1 => Self::single(),
            count => Self { count, pool: Some(pool) },
        }
    }

    /// How many threads work, the caller's among them.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Runs `lead` on the calling thread, with the other threads waiting in its [`Team`].
    ///
    /// Several threads may gather at once, on one pool or many, and within each other: a team
    /// that finds the pool busy does its work with the threads that it gets, if need be alone, and
    /// waits for nobody else's work.
    pub fn gather<R>(&self, lead: impl FnOnce(&Team<'_>) -> R) -> R {
        let shared = Arc::new(Shared::new(self.count));
        if let Some(pool) = &self.pool {
            for worker in 1..self.count {
                let shared = Arc::clone(&shared);
                // Whoever comes after the dismissal finds it and goes.
                pool.spawn(move || shared.follow(worker));
            }
        }
        // On the way out, by a panic too.
        let _dismissal = shared.dismiss_on_drop();
        lead(&Team::new(&shared))
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({})", self.count)
    }
}

#[cfg(test)]
mod tests;
