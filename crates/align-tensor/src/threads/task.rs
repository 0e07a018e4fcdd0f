//! The identity of the task that a thread runs, which debug builds keep.
//!
//! Teams nest: a task may gather a team of its own. So a thread has a stack of tasks, the outermost
//! first. A phase hands the leader's stack on to its followers, and each task adds itself on top.

/// Makes each call of `job` known as a task of one new phase, whichever thread makes it.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(super) fn identified(job: impl Fn(usize, usize) + Sync) -> impl Fn(usize, usize) + Sync {
    job
}

#[cfg(debug_assertions)]
pub(super) use debug::{TaskId, depth, identified, running_at};

#[cfg(debug_assertions)]
mod debug {
    use std::cell::RefCell;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;

    /// A task of a phase, and the worker that runs it.
    #[derive(Clone, Copy)]
    pub(crate) struct TaskId {
        /// Different for every phase of the process.
        pub(crate) phase: usize,
        pub(crate) task: usize,
        pub(crate) worker: usize,
    }

    thread_local! {
        static RUNNING: RefCell<Vec<TaskId>> = const { RefCell::new(Vec::new()) };
    }

    /// The number of tasks within which the thread runs.
    pub(crate) fn depth() -> usize {
        RUNNING.with_borrow(Vec::len)
    }

    /// The task at `depth` of those within which the thread runs.
    pub(crate) fn running_at(depth: usize) -> Option<TaskId> {
        RUNNING.with_borrow(|running| running.get(depth).copied())
    }

    /// Makes each call of `job` known as a task of one new phase, whichever thread makes it.
    pub(crate) fn identified(job: impl Fn(usize, usize) + Sync) -> impl Fn(usize, usize) + Sync {
        static PHASES: AtomicUsize = AtomicUsize::new(0);
        let phase = PHASES.fetch_add(1, Relaxed);
        let outer = RUNNING.with_borrow(Vec::clone);
        move |task, worker| {
            let mut running = outer.clone();
            running.push(TaskId { phase, task, worker });
            let _restored = Restored(RUNNING.replace(running));
            job(task, worker);
        }
    }

    /// Gives the thread its former tasks back when dropped.
    struct Restored(Vec<TaskId>);

    impl Drop for Restored {
        fn drop(&mut self) {
            RUNNING.set(std::mem::take(&mut self.0));
        }
    }
}
