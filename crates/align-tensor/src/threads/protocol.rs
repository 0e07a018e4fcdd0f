//! The protocol between the leader of a team and its followers.
//!
//! The leader opens a phase: it publishes a job and makes the `phase` number odd. Every thread
//! takes tasks from the job, first from a range of its own and then from the others'. When no task
//! is left, the leader closes the phase (the number becomes even) and waits for each follower that
//! is still inside.
//!
//! A follower counts itself in `inside` *before* it looks whether a phase is open. The leader
//! closes the phase *before* it looks whether a follower is inside. All of this is sequentially
//! consistent, so the leader either waits for a follower, or the follower sees the phase closed and
//! touches nothing.
//!
//! Nothing here knows of a thread pool: any thread that calls [`Protocol::follow`] is a follower. The
//! model tests run this file on other [`Primitives`].

use crate::number::sizes::piece;
use crate::threads::primitives::{Atomic, Counter, Lock, Primitives, Thread};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The body of a phase: called with the number of a task and of a worker.
pub(super) type Job<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// What the leader and its followers share.
pub(super) struct Protocol<P: Primitives> {
    ranges: Box<[Range<P>]>,
    /// Odd while a phase is open.
    phase: P::Counter,
    /// Number of followers that may be using `job`.
    inside: P::Counter,
    /// The leader's `Job`. Written only while no phase is open.
    job: P::Pointer,
    /// Not zero once the followers are dismissed.
    dismissed: P::Counter,
    parked: P::Counter,
    sleepers: P::Lock<Vec<P::Thread>>,
    /// The payload of a follower's panic, with which the leader continues.
    panic: P::Lock<Option<Box<dyn Any + Send>>>,
}

/// A worker's own range of tasks, on a cache line of its own.
#[repr(align(64))]
struct Range<P: Primitives> {
    next: P::Counter,
    end: P::Counter,
}

impl<P: Primitives> Range<P> {
    fn empty() -> Self {
        Self { next: P::Counter::new(0), end: P::Counter::new(0) }
    }
}

impl<P: Primitives> Protocol<P> {
    /// The protocol of a leader, worker 0, and `workers - 1` followers.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            ranges: (0..workers).map(|_| Range::empty()).collect(),
            phase: P::Counter::new(0),
            inside: P::Counter::new(0),
            job: P::Pointer::new(std::ptr::null_mut()),
            dismissed: P::Counter::new(0),
            parked: P::Counter::new(0),
            sleepers: P::Lock::new(Vec::new()),
            panic: P::Lock::new(None),
        }
    }

    /// The number of workers: the leader and the followers.
    pub(super) fn workers(&self) -> usize {
        self.ranges.len()
    }

    /// Opens a phase, works in it, and closes it when all tasks are done. Returns the payload of
    /// a task's panic as an error.
    ///
    /// # Safety
    /// No phase may be open, and no other thread may open one at the same time.
    pub(super) unsafe fn lead_phase(&self, tasks: usize, job: &Job<'_>) -> std::thread::Result<()> {
        for (worker, range) in self.ranges.iter().enumerate() {
            let own = piece(tasks, worker, self.ranges.len());
            range.next.store(own.start);
            range.end.store(own.end);
        }
        self.job.store((&raw const *job).cast_mut().cast());
        self.phase.add(1);
        if self.parked.load() > 0 {
            self.wake_all();
        }

        let led = catch_unwind(AssertUnwindSafe(|| self.work(0, *job)));

        if P::CLOSES_AFTER_LOOKING {
            self.wait_for_followers();
            self.phase.add(1);
        } else {
            self.phase.add(1);
            self.wait_for_followers();
        }
        let followed = self.panic.with(Option::take);
        led.and(followed.map_or(Ok(()), Err))
    }

    /// Waits until no follower is inside.
    fn wait_for_followers(&self) {
        let mut spins = 0;
        while self.inside.load() > 0 {
            spins += 1;
            if spins < P::SPINS_BEFORE_YIELDING {
                P::spin();
            } else {
                P::yield_now();
            }
        }
    }

    /// Takes tasks until none is left: from the worker's own range first, then from the others'.
    fn work(&self, worker: usize, job: Job<'_>) {
        let workers = self.ranges.len();
        for offset in 0..workers {
            let range = &self.ranges[(worker + offset) % workers];
            let end = range.end.load();
            while range.next.load() < end {
                let task = range.next.add(1);
                if task >= end {
                    break;
                }
                job(task, worker);
            }
        }
    }

    /// Follows the leader through one phase after another until it dismisses its followers.
    pub(super) fn follow(&self, worker: usize) {
        let mut seen = self.phase.load() & !1;
        let mut spins = 0;
        while !self.is_dismissed() {
            let phase = self.phase.load();
            if is_open(phase) && phase != seen {
                seen = phase;
                self.join_phase(worker);
                spins = 0;
            } else if spins < P::SPINS_BEFORE_PARKING {
                spins += 1;
                P::spin();
            } else {
                self.park(seen);
                spins = 0;
            }
        }
    }

    fn join_phase(&self, worker: usize) {
        self.inside.add(1);
        if is_open(self.phase.load()) {
            let job = self.job.load().cast::<Job<'_>>();
            // SAFETY: an open phase has a job. This thread is counted in `inside` and has seen the
            // phase open, so `lead_phase` does not return, and its caller's borrow of the job
            // does not end, before this thread leaves.
            let job = unsafe { *job };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.work(worker, job)))
                && let Some(second) = self.panic.with(|first| first.replace(panic))
            {
                // Dropping it could panic in turn, and this thread must leave the phase.
                std::mem::forget(second);
            }
        }
        self.inside.subtract(1);
    }

    /// Sleeps until a phase other than `seen` opens or the followers are dismissed.
    fn park(&self, seen: usize) {
        self.sleepers.with(|sleepers| sleepers.push(P::current()));
        self.parked.add(1);
        // A leader that opens a phase after this look sees `parked` and wakes this thread.
        let phase = self.phase.load();
        if (!is_open(phase) || phase == seen) && !self.is_dismissed() {
            P::park();
        }
        self.parked.subtract(1);
        let this = P::current();
        self.sleepers.with(|sleepers| sleepers.retain(|thread| !thread.is(&this)));
    }

    fn wake_all(&self) {
        self.sleepers.with(|sleepers| sleepers.drain(..).for_each(|thread| thread.unpark()));
    }

    /// Makes all followers return, also those that begin to follow later.
    pub(super) fn dismiss(&self) {
        self.dismissed.store(1);
        self.wake_all();
    }

    fn is_dismissed(&self) -> bool {
        self.dismissed.load() != 0
    }

    /// Number of entries in the list of followers to be woken.
    #[cfg(test)]
    pub(super) fn sleepers(&self) -> usize {
        self.sleepers.with(|sleepers| sleepers.len())
    }
}

fn is_open(phase: usize) -> bool {
    !phase.is_multiple_of(2)
}
