//! The protocol between the leader of a forward and its followers.
//!
//! The leader opens a phase: it publishes a job and makes the `phase` number odd. Everyone takes
//! tasks from the job, from a range of their own first and then from the others'. The leader
//! closes the phase (the number becomes even) once no task is left, and waits for whoever is
//! still inside.
//!
//! A follower announces itself in `inside` *before* it looks whether a phase is open, and the
//! leader closes *before* it looks whether anyone is inside; both are sequentially consistent.
//! So a follower either is waited for, or sees the phase closed and touches nothing.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use crate::number::sizes::piece;

/// How often a follower looks for the next phase before it parks: some 50 us of spinning, longer
/// than the leader's own work between two phases and shorter than a scheduler's time slice.
const SPINS_BEFORE_PARKING: u32 = 2_000;

/// How often the leader looks for the last follower to leave a phase before it offers its core.
const SPINS_BEFORE_YIELDING: u32 = 10_000;

/// The body of a phase: called with a task's number and the worker's.
type Job<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// A worker's own range of tasks, on a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Range {
    next: AtomicUsize,
    end: AtomicUsize,
}

/// The threads gathered for one forward, as the leader and the kernels that it calls see them.
///
/// It stays with the leader's thread, since it is not `Sync`, and refuses a phase within a phase.
pub struct Team<'a> {
    shared: &'a Shared,
    /// Whether a phase is open.
    leading: Cell<bool>,
}

impl<'a> Team<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared, leading: Cell::new(false) }
    }

    /// How many workers may run tasks: the leader, number 0, and the followers.
    pub fn workers(&self) -> usize {
        self.shared.ranges.len()
    }

    /// Runs `job(task, worker)` for every task below `tasks` and returns when all are done.
    ///
    /// Which worker runs a task is not known beforehand; no two run tasks with one worker's
    /// number at the same time.
    ///
    /// # Panics
    /// With the first panic of a task, after the phase has ended; and where a task calls this.
    pub fn run(&self, tasks: usize, job: impl Fn(usize, usize) + Sync) {
        if tasks <= 1 || self.workers() == 1 {
            return (0..tasks).for_each(|task| job(task, 0));
        }
        assert!(!self.leading.replace(true), "a phase within a phase");
        // SAFETY: `leading` says that no phase is open, and only this thread has the team.
        let led = unsafe { self.shared.lead_phase(tasks, &job) };
        self.leading.set(false);
        if let Err(panic) = led {
            resume_unwind(panic);
        }
    }

    /// Splits `data` into chunks of `len` (the last may be shorter) and runs
    /// `job(index, chunk)` for each.
    ///
    /// # Panics
    /// Where `len` is zero, and as [`Team::run`].
    pub fn run_chunks<T: Send>(
        &self,
        data: &mut [T],
        len: usize,
        job: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let chunks = Chunks::new(data, len);
        self.run(chunks.count(), |task, _| {
            // SAFETY: `task` is below the number of chunks, and each task runs once.
            job(task, unsafe { chunks.get(task) });
        });
    }

    /// As [`Team::run_chunks`], for two slices that are cut into as many chunks: `job(index, chunk, other)`.
    ///
    /// # Panics
    /// Where they are not, and as [`Team::run_chunks`].
    pub fn run_chunk_pairs<T: Send, U: Send>(
        &self,
        (data, len): (&mut [T], usize),
        (other, other_len): (&mut [U], usize),
        job: impl Fn(usize, &mut [T], &mut [U]) + Sync,
    ) {
        let (chunks, others) = (Chunks::new(data, len), Chunks::new(other, other_len));
        assert_eq!(chunks.count(), others.count(), "as many chunks");
        self.run(chunks.count(), |task, _| {
            // SAFETY: `task` is below the number of chunks of both, and each task runs once.
            let (chunk, other) = unsafe { (chunks.get(task), others.get(task)) };
            job(task, chunk, other);
        });
    }

    /// Runs `job(task)` for every task below `tasks` and returns the results in order.
    ///
    /// # Panics
    /// As [`Team::run`].
    pub fn map<R: Send>(&self, tasks: usize, job: impl Fn(usize) -> R + Sync) -> Vec<R> {
        let mut results: Vec<Option<R>> = (0..tasks).map(|_| None).collect();
        self.run_chunks(&mut results, 1, |task, slot| slot[0] = Some(job(task)));
        results.into_iter().map(|result| result.expect("every task has run")).collect()
    }

    /// Runs `job(task, scratch)` for every task below `tasks`, with a scratch of `len` values
    /// that no other running task shares; its content is what an earlier task left there.
    ///
    /// # Panics
    /// Where `scratch` is shorter than `len` for each worker, and as [`Team::run`].
    pub fn run_with_scratch(
        &self,
        tasks: usize,
        scratch: &mut [f32],
        len: usize,
        job: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        assert!(scratch.len() / self.workers() >= len, "scratch for every worker");
        let base = SharedMut(scratch.as_mut_ptr());
        self.run(tasks, |task, worker| {
            // SAFETY: the assertion above leaves `len` values to every worker's number, and no
            // two tasks run with one number at the same time. `scratch` is borrowed throughout.
            let own = unsafe { std::slice::from_raw_parts_mut(base.get().add(worker * len), len) };
            job(task, own);
        });
    }

    /// As [`Team::run_chunks`], with a scratch as in [`Team::run_with_scratch`]:
    /// `job(index, chunk, scratch)`.
    ///
    /// # Panics
    /// As those two.
    pub fn run_chunks_with_scratch<T: Send>(
        &self,
        data: &mut [T],
        len: usize,
        scratch: &mut [f32],
        scratch_len: usize,
        job: impl Fn(usize, &mut [T], &mut [f32]) + Sync,
    ) {
        let chunks = Chunks::new(data, len);
        self.run_with_scratch(chunks.count(), scratch, scratch_len, |task, scratch| {
            // SAFETY: `task` is below the number of chunks, and each task runs once.
            job(task, unsafe { chunks.get(task) }, scratch);
        });
    }
}

#[cfg(test)]
impl Team<'_> {
    /// How often followers stand in the list of those to be woken.
    pub(super) fn sleepers(&self) -> usize {
        lock(&self.shared.sleepers).len()
    }
}

/// A slice cut into chunks for tasks.
struct Chunks<'a, T> {
    base: SharedMut<T>,
    total: usize,
    len: usize,
    data: PhantomData<&'a mut [T]>,
}

impl<'a, T> Chunks<'a, T> {
    /// # Panics
    /// Where `len` is zero and `data` is not empty.
    fn new(data: &'a mut [T], len: usize) -> Self {
        assert!(len > 0 || data.is_empty(), "chunks of some length");
        let len = len.max(1);
        Self { base: SharedMut(data.as_mut_ptr()), total: data.len(), len, data: PhantomData }
    }

    fn count(&self) -> usize {
        self.total.div_ceil(self.len)
    }

    /// Chunk `index`; the last may be shorter.
    ///
    /// # Safety
    /// `index` must be below `count`, and no chunk may be taken twice at a time.
    unsafe fn get(&self, index: usize) -> &'a mut [T] {
        let start = index * self.len;
        // SAFETY: `start < total` because `index < count`, and the chunk ends at `total` at most;
        // chunks of distinct indices do not overlap, and the caller takes each once. The slice
        // that they come from is borrowed for `'a`.
        unsafe {
            std::slice::from_raw_parts_mut(
                self.base.get().add(start),
                self.len.min(self.total - start),
            )
        }
    }
}

// SAFETY: handing out chunks is unsafe and asks that no two threads hold the same one.
unsafe impl<T: Send> Sync for Chunks<'_, T> {}

/// A pointer that tasks on several threads write through, each to places of its own.
#[derive(Clone, Copy)]
pub(crate) struct SharedMut<T>(pub(crate) *mut T);

impl<T> SharedMut<T> {
    /// The pointer; taking it through a method makes closures capture the whole, `Sync` wrapper.
    #[inline(always)]
    pub(crate) fn get(&self) -> *mut T {
        self.0
    }
}

// SAFETY: sharing the address is harmless; whoever writes through it proves, where it does, that
// no two threads touch one place.
unsafe impl<T: Send> Sync for SharedMut<T> {}
// SAFETY: as for `Sync`.
unsafe impl<T: Send> Send for SharedMut<T> {}

/// What the leader and its followers share.
pub(super) struct Shared {
    ranges: Box<[Range]>,
    /// Odd while a phase is open.
    phase: AtomicUsize,
    /// Followers that may be using `job`.
    inside: AtomicUsize,
    /// Written only by the leader, while the phase is closed and nobody is inside.
    job: UnsafeCell<Option<Job<'static>>>,
    dismissed: AtomicBool,
    parked: AtomicUsize,
    sleepers: Mutex<Vec<Thread>>,
    /// What a follower's task panicked with; the leader goes on with it.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: all fields but `job` are `Sync`. `job` is written only in `lead_phase`, whose caller
// promises that no phase is open and no other thread leads, before the phase is opened; followers
// read it only between counting themselves in `inside` with a phase open and counting themselves
// out, which the end of a phase waits for.
unsafe impl Sync for Shared {}

impl Shared {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            ranges: (0..workers).map(|_| Range::default()).collect(),
            phase: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            dismissed: AtomicBool::new(false),
            parked: AtomicUsize::new(0),
            sleepers: Mutex::new(Vec::new()),
            panic: Mutex::new(None),
        }
    }

    /// Opens a phase, works in it, and closes it when all tasks are done; gives the first panic
    /// of a task.
    ///
    /// # Safety
    /// No phase may be open, and no other thread may open one meanwhile.
    unsafe fn lead_phase(&self, tasks: usize, job: Job<'_>) -> std::thread::Result<()> {
        for (worker, range) in self.ranges.iter().enumerate() {
            let own = piece(tasks, worker, self.ranges.len());
            range.next.store(own.start, SeqCst);
            range.end.store(own.end, SeqCst);
        }
        // SAFETY: only the lifetime changes. Followers use the reference only while `inside`
        // counts them, and this function does not return before that is zero again.
        let job: Job<'static> = unsafe { std::mem::transmute::<Job<'_>, Job<'static>>(job) };
        // SAFETY: no phase is open (the caller's promise) and nobody is inside (the end of the
        // phase before waited for that), so no one reads; only the leader writes.
        unsafe { *self.job.get() = Some(job) };
        self.phase.fetch_add(1, SeqCst);
        if self.parked.load(SeqCst) > 0 {
            self.wake_all();
        }

        let led = catch_unwind(AssertUnwindSafe(|| self.work(0, job)));

        self.phase.fetch_add(1, SeqCst);
        let mut spins = 0;
        while self.inside.load(SeqCst) > 0 {
            spins += 1;
            if spins < SPINS_BEFORE_YIELDING {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        let followed = lock(&self.panic).take();
        led.and(followed.map_or(Ok(()), Err))
    }

    /// Takes tasks until none is left: the worker's own range first, then the others'.
    fn work(&self, worker: usize, job: Job<'_>) {
        let workers = self.ranges.len();
        for offset in 0..workers {
            let range = &self.ranges[(worker + offset) % workers];
            let end = range.end.load(SeqCst);
            while range.next.load(SeqCst) < end {
                let task = range.next.fetch_add(1, SeqCst);
                if task >= end {
                    break;
                }
                job(task, worker);
            }
        }
    }

    /// A follower's life: phase after phase until the leader dismisses it.
    pub(super) fn follow(&self, worker: usize) {
        let Some(_busy) = Busy::enter() else {
            // This thread waits inside of a task of some team, and took this up to pass the time:
            // it must get back to that task.
            return;
        };
        let mut seen = self.phase.load(SeqCst) & !1;
        let mut spins = 0;
        while !self.dismissed.load(SeqCst) {
            let phase = self.phase.load(SeqCst);
            if is_open(phase) && phase != seen {
                seen = phase;
                self.join_phase(worker);
                spins = 0;
            } else if spins < SPINS_BEFORE_PARKING {
                spins += 1;
                std::hint::spin_loop();
            } else {
                self.park(seen);
                spins = 0;
            }
        }
    }

    fn join_phase(&self, worker: usize) {
        self.inside.fetch_add(1, SeqCst);
        if is_open(self.phase.load(SeqCst)) {
            // SAFETY: this thread is counted in `inside` and a phase is open, so the leader
            // neither writes `job` nor lets go of what it points to before this thread leaves.
            let job = unsafe { *self.job.get() };
            if let Some(job) = job
                && let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.work(worker, job)))
                && let Some(second) = lock(&self.panic).replace(panic)
            {
                // Dropping it could panic in turn, and this thread must leave the phase.
                std::mem::forget(second);
            }
        }
        self.inside.fetch_sub(1, SeqCst);
    }

    /// Sleeps until a phase other than `seen` opens or the follower is dismissed.
    fn park(&self, seen: usize) {
        lock(&self.sleepers).push(std::thread::current());
        self.parked.fetch_add(1, SeqCst);
        // Whoever opens a phase after this look sees `parked` and wakes this thread.
        let phase = self.phase.load(SeqCst);
        if (!is_open(phase) || phase == seen) && !self.dismissed.load(SeqCst) {
            std::thread::park();
        }
        self.parked.fetch_sub(1, SeqCst);
        let this = std::thread::current().id();
        lock(&self.sleepers).retain(|thread| thread.id() != this);
    }

    fn wake_all(&self) {
        lock(&self.sleepers).drain(..).for_each(|thread| thread.unpark());
    }

    fn dismiss(&self) {
        self.dismissed.store(true, SeqCst);
        self.wake_all();
    }

    /// Dismisses the followers when dropped.
    pub(super) fn dismiss_on_drop(&self) -> impl Drop + '_ {
        struct Dismissal<'a>(&'a Shared);
        impl Drop for Dismissal<'_> {
            fn drop(&mut self) {
                self.0.dismiss();
            }
        }
        Dismissal(self)
    }
}

fn is_open(phase: usize) -> bool {
    !phase.is_multiple_of(2)
}

/// Locks whatever became of another thread that held the lock: what it guards is whole at any
/// time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
