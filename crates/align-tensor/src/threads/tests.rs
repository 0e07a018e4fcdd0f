use crate::threads::{Team, Threads};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

fn threads(count: usize) -> Threads {
    Threads::new(NonZeroUsize::new(count).unwrap())
}

#[test]
fn every_task_runs_once() {
    for count in [1, 2, 3, 5] {
        threads(count).gather(|team| {
            assert_eq!(team.workers(), count);
            for tasks in [0, 1, 2, 7, 100] {
                let runs: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                team.run(tasks, |task, worker| {
                    assert!(worker < count);
                    runs[task].fetch_add(1, SeqCst);
                });
                assert!(runs.iter().all(|runs| runs.load(SeqCst) == 1));
            }
        });
    }
}

#[test]
fn many_phases_see_each_others_results() {
    threads(3).gather(|team| {
        let mut data = vec![0u64; 1000];
        for phase in 0..2000 {
            if phase % 500 == 0 {
                // Long enough for the followers to park.
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            team.run_chunks(&mut data, 64, |_, chunk| chunk.iter_mut().for_each(|x| *x += 1));
        }
        assert!(data.iter().all(|&x| x == 2000));
    });
}

#[test]
fn results_come_in_order() {
    threads(3).gather(|team| {
        let squares = team.map(50, |task| vec![task * task]);
        assert!(squares.iter().enumerate().all(|(i, square)| *square == [i * i]));
        assert!(team.map(0, |_| ()).is_empty());
    });
}

#[test]
fn scratch_is_never_shared() {
    threads(4).gather(|team| {
        let mut scratch = vec![0.0; 4 * 16];
        team.run_with_scratch(200, &mut scratch, 16, |task, own| {
            own.fill(task as f32);
            std::thread::yield_now();
            assert!(own.iter().all(|&x| x == task as f32));
        });
    });
}

#[test]
fn a_panic_reaches_the_caller_and_the_threads_survive() {
    let threads = threads(2);
    for panicking in [0, 63] {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            threads.gather(|team| {
                team.run(64, |task, _| assert_ne!(task, panicking, "a task fails"));
            });
        }));
        assert!(caught.is_err());
    }
    let sum = AtomicUsize::new(0);
    threads.gather(|team| {
        team.run(10, |task, _| {
            sum.fetch_add(task, SeqCst);
        })
    });
    assert_eq!(sum.into_inner(), 45);
}

#[test]
fn callers_may_share_a_pool() {
    let threads = threads(2);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let total = AtomicUsize::new(0);
                    threads.gather(|team| {
                        team.run(8, |task, _| {
                            total.fetch_add(task, SeqCst);
                        });
                    });
                    assert_eq!(total.into_inner(), 28);
                }
            });
        }
    });
}

#[test]
fn a_callers_own_pool_serves_from_inside_too() {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    let threads = Threads::with_pool(pool.clone());
    assert_eq!(threads.count(), 2);
    let total = AtomicUsize::new(0);
    pool.install(|| {
        threads.gather(|team| {
            team.run(8, |task, _| {
                total.fetch_add(task, SeqCst);
            });
        });
    });
    assert_eq!(total.into_inner(), 28);
}

#[test]
fn gathering_within_gathering_waits_for_nobody() {
    let threads = threads(2);
    let sum = threads.gather(|_| {
        threads.gather(|team| {
            let sum = AtomicUsize::new(0);
            team.run(10, |task, _| {
                sum.fetch_add(task, SeqCst);
            });
            sum.into_inner()
        })
    });
    assert_eq!(sum, 45);
}

#[test]
fn a_caller_does_not_wait_for_anothers_forward() {
    let threads = threads(2);
    let (done, waiting) = std::sync::mpsc::channel();
    threads.gather(|_| {
        let other = threads.clone();
        std::thread::spawn(move || done.send(other.gather(|team| team.workers())));
        // This forward ends only after the other has.
        assert_eq!(waiting.recv(), Ok(2));
    });
}

#[test]
fn followers_without_tasks_sleep_once_while_a_long_task_runs() {
    threads(3).gather(|team| {
        for _ in 0..3 {
            team.run(2, |task, _| {
                if task == 0 {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            });
            // A follower that woke again and again would have many entries.
            assert!(team.sleepers() <= 2);
        }
    });
}

#[test]
#[should_panic(expected = "a phase within a phase")]
fn phases_do_not_nest() {
    /// What a crate that checks threads at run time offers to safe code.
    struct Smuggled<'a>(&'a Team<'a>, std::thread::ThreadId);
    // SAFETY: `get` hands out the team on the leader's thread alone.
    unsafe impl Sync for Smuggled<'_> {}
    impl Smuggled<'_> {
        fn get(&self) -> Option<&Team<'_>> {
            (std::thread::current().id() == self.1).then_some(self.0)
        }
    }
    threads(2).gather(|team| {
        let smuggled = Smuggled(team, std::thread::current().id());
        // Each worker has tasks enough that the leader surely gets one.
        team.run(1000, |_, _| {
            std::thread::sleep(std::time::Duration::from_micros(10));
            if let Some(team) = smuggled.get() {
                team.run(2, |_, _| ());
            }
        });
    });
}
