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

use std::{fmt, num::NonZeroUsize, sync::Arc};

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
        let pool = (helpers > 0)
            .then(|| {
                rayon::ThreadPoolBuilder::new()
                    .num_threads(helpers)
                    .thread_name(|index| format!("align-{}", index + 1))
                    .build()
                    .ok()
                    .map(Arc::new)
            })
            .flatten();
        Self { count: if pool.is_some() { count.get() } else { 1 }, pool }
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
    /// Several threads may gather at once, on one pool or many: a team that finds the pool busy
    /// does its work with the threads that it gets, if need be alone.
    pub fn gather<R>(&self, lead: impl FnOnce(&Team<'_>) -> R) -> R {
        let shared = Shared::new(self.count);
        match &self.pool {
            None => lead(&Team::new(&shared)),
            Some(pool) => pool.in_place_scope(|scope| {
                for worker in 1..self.count {
                    let shared = &shared;
                    scope.spawn(move |_| shared.follow(worker));
                }
                // On the way out, by a panic too: the scope waits for the followers.
                let _dismissal = shared.dismiss_on_drop();
                lead(&Team::new(&shared))
            }),
        }
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({})", self.count)
    }
}

#[cfg(test)]
mod tests;
