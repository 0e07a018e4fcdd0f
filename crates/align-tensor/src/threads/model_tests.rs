//! The protocol on a library that tries many interleavings of its threads.
//!
//! Each atomic operation, lock and park is a point where any other thread may run next. All
//! atomics are modelled as sequentially consistent, which those of the protocol are.

use crate::threads::primitives::{Primitives, implement_for};
use crate::threads::protocol::{Job, Protocol};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};

implement_for!(shuttle);

/// The primitives of `shuttle`. If `PLANTED`, the leader closes a phase only after it has looked for
/// followers inside.
struct Model<const PLANTED: bool>;

impl<const PLANTED: bool> Primitives for Model<PLANTED> {
    type Counter = shuttle::sync::atomic::AtomicUsize;
    type Pointer = shuttle::sync::atomic::AtomicPtr<()>;
    type Lock<T: Send> = shuttle::sync::Mutex<T>;
    type Thread = shuttle::thread::Thread;

    const SPINS_BEFORE_PARKING: u32 = 1;
    const SPINS_BEFORE_YIELDING: u32 = 1;
    const CLOSES_AFTER_LOOKING: bool = PLANTED;

    fn spin() {
        shuttle::hint::spin_loop();
    }

    fn yield_now() {
        shuttle::thread::yield_now();
    }

    fn park() {
        shuttle::thread::park();
    }

    fn current() -> Self::Thread {
        shuttle::thread::current()
    }
}

/// A task begins after its phase.
const TOO_LATE: &str = "a task after its phase";

/// A phase ends before its task.
const TOO_EARLY: &str = "a phase that ends before its task";

/// A phase of a scenario.
struct Phase {
    job: Job<'static>,
    state: &'static State,
    panics: bool,
}

/// How far a phase is.
#[derive(Default)]
struct State {
    is_open: AtomicBool,
    runs: Vec<AtomicUsize>,
}

impl Phase {
    /// A phase of some tasks, the last of which may panic.
    ///
    /// It is leaked, so that a follower that comes too late reads no freed memory, in spite of the
    /// planted bug.
    fn new(tasks: usize, panics: bool) -> Self {
        let state: &State = Box::leak(Box::new(State {
            is_open: AtomicBool::new(false),
            runs: (0..tasks).map(|_| AtomicUsize::new(0)).collect(),
        }));
        let job = Box::leak(Box::new(move |task: usize, _: usize| {
            assert!(state.is_open.load(SeqCst), "{TOO_LATE}");
            shuttle::thread::yield_now();
            assert!(state.is_open.load(SeqCst), "{TOO_EARLY}");
            state.runs[task].fetch_add(1, SeqCst);
            if panics && task + 1 == tasks {
                // Without a call of the panic hook, which would print the schedule.
                resume_unwind(Box::new("a task fails"));
            }
        }));
        Self { job, state, panics }
    }

    fn lead<P: Primitives>(&self, protocol: &Protocol<P>) {
        self.state.is_open.store(true, SeqCst);
        // SAFETY: one thread leads, one phase after another.
        let led = unsafe { protocol.lead_phase(self.state.runs.len(), &self.job) };
        self.state.is_open.store(false, SeqCst);
        match led {
            Ok(()) => assert!(!self.panics, "a panic that reaches the leader"),
            Err(panic) if !self.panics => resume_unwind(panic),
            Err(panic) => assert_eq!(panic.downcast_ref(), Some(&"a task fails")),
        }
        // Every worker stops at its first panic, and the others take its tasks.
        for runs in &self.state.runs {
            assert_eq!(runs.load(SeqCst), 1, "the runs of a task");
        }
    }
}

/// Followers that begin at any time, and phases of the given numbers of tasks. In the phase
/// numbered `panicking`, a task panics.
fn scenario<const PLANTED: bool>(followers: usize, phases: &[usize], panicking: Option<usize>) {
    let protocol = Arc::new(Protocol::<Model<PLANTED>>::new(followers + 1));
    let threads: Vec<_> = (1..=followers)
        .map(|worker| {
            let protocol = Arc::clone(&protocol);
            shuttle::thread::spawn(move || protocol.follow(worker))
        })
        .collect();
    for (index, &tasks) in phases.iter().enumerate() {
        Phase::new(tasks, panicking == Some(index)).lead(&protocol);
    }
    protocol.dismiss();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(protocol.sleepers(), 0);
}

fn run(scheduler: impl Scheduler + 'static, scenario: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    Runner::new(scheduler, config).run(scenario);
}

/// The tests try the same interleavings in every run.
const SEED: u64 = 13;

/// Tries a scenario in uniformly random interleavings, and in interleavings with few switches.
fn check(followers: usize, phases: &'static [usize], panicking: Option<usize>) {
    let scenario = move || scenario::<false>(followers, phases, panicking);
    run(RandomScheduler::new_from_seed(SEED, 2000), scenario);
    run(PctScheduler::new_from_seed(SEED, 4, 2000), scenario);
}

#[test]
fn phases_open_and_close() {
    check(1, &[2, 3, 2], None);
    check(2, &[3, 1, 4], None);
    check(3, &[4, 2], None);
}

#[test]
fn a_late_follower_is_dismissed() {
    for followers in 1..=3 {
        check(followers, &[], None);
        check(followers, &[1], None);
    }
}

#[test]
fn a_panic_of_a_task_ends_its_phase_alone() {
    check(1, &[2, 2], Some(0));
    check(2, &[3, 2], Some(0));
    check(3, &[2, 4], Some(1));
}

#[test]
fn closing_after_looking_is_found() {
    for followers in 1..=3 {
        let planted = move || scenario::<true>(followers, &[2, 3, 2], None);
        let scheduler = RandomScheduler::new_from_seed(SEED, 10_000);
        let panic = catch_unwind(AssertUnwindSafe(|| run(scheduler, planted)))
            .expect_err("the planted bug is found");
        let message = panic.downcast_ref::<String>().map(String::as_str);
        assert!(matches!(message, Some(TOO_LATE | TOO_EARLY)), "{message:?}");
    }
}
