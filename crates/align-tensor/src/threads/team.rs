//! A leader and its followers, as the kernels see them: phases of tasks.

use crate::threads::disjoint::DisjointMut;
use crate::threads::primitives::Standard;
use crate::threads::protocol::{Job, Protocol};
use crate::threads::task::identified;
use std::cell::Cell;
use std::ops::Range;
use std::panic::resume_unwind;

/// The threads gathered for one forward, as the leader and the kernels that it calls see them.
///
/// It stays on the leader's thread, since it is not `Sync`, and refuses a phase within a phase.
pub struct Team<'a> {
    protocol: &'a Protocol<Standard>,
    /// Whether a phase is open.
    leading: Cell<bool>,
}

impl<'a> Team<'a> {
    pub(super) fn new(protocol: &'a Protocol<Standard>) -> Self {
        Self { protocol, leading: Cell::new(false) }
    }

    /// The number of workers that may run tasks: the leader, worker 0, and the followers.
    pub fn workers(&self) -> usize {
        self.protocol.workers()
    }

    /// Runs `job(task, worker)` for every task below `tasks` and returns when all are done.
    ///
    /// It is unspecified which worker runs a task. No two threads run tasks with the number of one
    /// worker at the same time.
    ///
    /// # Panics
    /// If a task panics: with the payload of the first panic, after the phase has ended. Also if a
    /// task calls this.
    pub fn run(&self, tasks: usize, job: impl Fn(usize, usize) + Sync) {
        let job = identified(job);
        if tasks <= 1 || self.workers() == 1 {
            return (0..tasks).for_each(|task| job(task, 0));
        }
        assert!(!self.leading.replace(true), "a phase within a phase");
        // SAFETY: `leading` was false, so no phase is open, and only this thread has the team.
        let led = unsafe { self.protocol.lead_phase(tasks, &(&job as Job<'_>)) };
        self.leading.set(false);
        if let Err(panic) = led {
            resume_unwind(panic);
        }
    }

    /// Splits `data` into chunks of `len` (the last may be shorter) and runs
    /// `job(index, chunk)` for each.
    ///
    /// # Panics
    /// If `len` is zero and `data` is not empty, and as [`Team::run`].
    pub fn run_chunks<T: Send>(
        &self,
        data: &mut [T],
        len: usize,
        job: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let chunks = Chunks::new(data, len);
        let (count, no_scratch) = (chunks.count(), Scratch::none());
        self.run_parts(count, chunks, Chunks::none(), no_scratch, |task, chunk, _, _| {
            job(task, chunk);
        });
    }

    /// Like [`Team::run_chunks`], for two slices cut into the same number of chunks:
    /// `job(index, chunk, other)`.
    ///
    /// # Panics
    /// If the numbers of chunks differ, and as [`Team::run_chunks`].
    pub fn run_chunk_pairs<T: Send, U: Send>(
        &self,
        (data, len): (&mut [T], usize),
        (other, other_len): (&mut [U], usize),
        job: impl Fn(usize, &mut [T], &mut [U]) + Sync,
    ) {
        let (chunks, others) = (Chunks::new(data, len), Chunks::new(other, other_len));
        assert_eq!(chunks.count(), others.count(), "the same number of chunks");
        self.run_parts(chunks.count(), chunks, others, Scratch::none(), |task, chunk, other, _| {
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
    /// that no other running task shares. Its content is what an earlier task left there.
    ///
    /// # Panics
    /// If `scratch` is shorter than `len` for each worker, and as [`Team::run`].
    pub fn run_with_scratch(
        &self,
        tasks: usize,
        scratch: &mut [f32],
        len: usize,
        job: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let scratch = Scratch { all: scratch, len };
        self.run_parts(tasks, Chunks::none(), Chunks::none(), scratch, |task, _, _, scratch| {
            job(task, scratch);
        });
    }

    /// Like [`Team::run_chunks`], with a scratch as in [`Team::run_with_scratch`]:
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
        let (count, scratch) = (chunks.count(), Scratch { all: scratch, len: scratch_len });
        self.run_parts(count, chunks, Chunks::none(), scratch, |task, chunk, _, scratch| {
            job(task, chunk, scratch);
        });
    }

    /// Runs `job(task, chunk, other, scratch)` with the task's chunk of either slice and the worker's
    /// part of the scratch. A slice without that chunk provides an empty one.
    fn run_parts<T: Send, U: Send>(
        &self,
        tasks: usize,
        chunks: Chunks<'_, T>,
        others: Chunks<'_, U>,
        scratch: Scratch<'_>,
        job: impl Fn(usize, &mut [T], &mut [U], &mut [f32]) + Sync,
    ) {
        let Scratch { all: scratch, len } = scratch;
        assert!(scratch.len() / self.workers() >= len, "scratch for every worker");
        let scratch = DisjointMut::by_worker(scratch);
        self.run(tasks, |task, worker| {
            // SAFETY: chunks of a slice are disjoint, and each task has one. The assertion above leaves
            // `len` values to every worker, and no two threads run tasks with the number of one
            // worker at the same time.
            let (chunk, other, scratch) = unsafe {
                let own = worker * len..(worker + 1) * len;
                (
                    chunks.data.claim_slice(chunks.range(task)),
                    others.data.claim_slice(others.range(task)),
                    scratch.claim_slice(own),
                )
            };
            job(task, chunk, other, scratch);
        });
    }
}

#[cfg(test)]
impl Team<'_> {
    /// Number of entries in the list of followers to be woken.
    pub(super) fn sleepers(&self) -> usize {
        self.protocol.sleepers()
    }
}

/// A slice cut into chunks for tasks.
struct Chunks<'a, T> {
    data: DisjointMut<'a, T>,
    total: usize,
    len: usize,
}

impl<'a, T> Chunks<'a, T> {
    /// # Panics
    /// If `len` is zero and `data` is not empty.
    fn new(data: &'a mut [T], len: usize) -> Self {
        assert!(len > 0 || data.is_empty(), "chunks of some length");
        Self { total: data.len(), data: DisjointMut::new(data), len: len.max(1) }
    }

    fn count(&self) -> usize {
        self.total.div_ceil(self.len)
    }

    /// The elements of a chunk. The last chunk may be shorter; beyond it, all are empty.
    fn range(&self, chunk: usize) -> Range<usize> {
        let start = self.total.min(chunk.saturating_mul(self.len));
        start..start + self.len.min(self.total - start)
    }
}

impl Chunks<'_, ()> {
    /// No chunks.
    fn none() -> Self {
        Self::new(&mut [], 1)
    }
}

/// Memory that is cut into a part of `len` values for each worker.
struct Scratch<'a> {
    all: &'a mut [f32],
    len: usize,
}

impl Scratch<'_> {
    /// No scratch.
    fn none() -> Self {
        Self { all: &mut [], len: 0 }
    }
}
