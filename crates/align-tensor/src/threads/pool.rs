//! The threads that share a forward's work.

use crate::threads::primitives::Standard;
use crate::threads::protocol::Protocol;
use crate::threads::team::Team;
use std::cell::Cell;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// The threads that share a forward's work. Cheap to clone.
#[derive(Clone)]
pub struct Threads {
    count: usize,
    /// Holds the threads other than the caller's own; `None` if the caller works alone.
    pool: Option<Arc<rayon::ThreadPool>>,
}

impl Threads {
    /// The caller's thread and `count - 1` others. One thread starts none.
    ///
    /// If the system refuses to start the others, the caller works alone.
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
            // `rayon` limits the number of threads, so there may be fewer than `helpers`.
            Ok(pool) => Self { count: pool.current_num_threads() + 1, pool: Some(Arc::new(pool)) },
            Err(_) => Self::single(),
        }
    }

    /// One thread for each core that the process may use.
    pub fn available() -> Self {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// The caller's thread alone.
    pub fn single() -> Self {
        Self { count: 1, pool: None }
    }

    /// The number of threads that `pool` has: the caller's own and all but one of the pool's.
    pub fn with_pool(pool: Arc<rayon::ThreadPool>) -> Self {
        match pool.current_num_threads() {
            0 | 1 => Self::single(),
            count => Self { count, pool: Some(pool) },
        }
    }

    /// The number of threads that work, including the caller's.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Runs `lead` on the calling thread, with the other threads waiting in its [`Team`].
    ///
    /// Several threads may gather at once, on one pool or many, and within each other. If the pool
    /// is busy, a team works with the threads that it gets, or alone; it does not wait for another
    /// team's work.
    pub fn gather<R>(&self, lead: impl FnOnce(&Team<'_>) -> R) -> R {
        let protocol = Arc::new(Protocol::new(self.count));
        if let Some(pool) = &self.pool {
            for worker in 1..self.count {
                let protocol = Arc::clone(&protocol);
                // A thread that comes after the dismissal finds it and returns.
                pool.spawn(move || {
                    // A thread that waits inside of a task of some team took this up to pass the
                    // time: it must get back to that task.
                    if let Some(_busy) = Busy::enter() {
                        protocol.follow(worker);
                    }
                });
            }
        }
        // Also if `lead` panics.
        let _dismissal = Dismissal(&protocol);
        lead(&Team::new(&protocol))
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({})", self.count)
    }
}

/// Dismisses the followers when dropped.
struct Dismissal<'a>(&'a Protocol<Standard>);

impl Drop for Dismissal<'_> {
    fn drop(&mut self) {
        self.0.dismiss();
    }
}

/// Marks a pool's thread as a follower of some team.
struct Busy;

thread_local! {
    static IS_BUSY: Cell<bool> = const { Cell::new(false) };
}

impl Busy {
    /// The mark, unless the thread has it already.
    fn enter() -> Option<Self> {
        (!IS_BUSY.replace(true)).then_some(Self)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        IS_BUSY.set(false);
    }
}
