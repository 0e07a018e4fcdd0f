//! Overlaps that the checks of debug builds find, and claims that they allow.

use crate::threads::Threads;
use crate::threads::disjoint::{DisjointMut, Rectangle};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};

const LEN: usize = 60;

/// A claim that a test plants.
type Claim = fn(&DisjointMut<'_, u8>, Rectangle);

#[track_caller]
fn write(shared: &DisjointMut<'_, u8>, rectangle: Rectangle) {
    // SAFETY: the pointer is not used.
    let _ = unsafe { shared.claim(rectangle) };
}

#[track_caller]
fn read(shared: &DisjointMut<'_, u8>, rectangle: Rectangle) {
    // SAFETY: the pointer is not used.
    let _ = unsafe { shared.claim_to_read(rectangle) };
}

/// The message with which `run` panics, if it does.
fn panic_of(run: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(run)).err()?;
    Some(*panic.downcast::<String>().expect("a formatted message"))
}

/// Runs two tasks on one worker, in their order, and on several, in any.
fn for_any_team(check: impl Fn(&Threads)) {
    for count in [1, 2, 3] {
        check(&Threads::new(NonZeroUsize::new(count).unwrap()));
    }
}

/// The message of a phase in which task `n` makes claim `n`.
fn phase_of(threads: &Threads, claims: [(Claim, Rectangle); 2]) -> Option<String> {
    let mut data = [0; LEN];
    panic_of(|| {
        threads.gather(|team| {
            let shared = DisjointMut::new(&mut data);
            team.run(2, |task, _| {
                let (claim, rectangle) = claims[task];
                claim(&shared, rectangle);
            });
        });
    })
}

#[test]
fn an_overlap_names_both_places() {
    for_any_team(|threads| {
        let mut data = [0; LEN];
        let lines = [line!() + 5, line!() + 7];
        let message = panic_of(|| {
            threads.gather(|team| {
                let shared = DisjointMut::new(&mut data);
                team.run(2, |task, _| match task {
                    0 => write(&shared, Rectangle { start: 2, rows: 3, columns: 4, pitch: 10 }),
                    // The last element of the last row.
                    _ => write(&shared, Rectangle::from(25..30)),
                });
            });
        });
        let message = message.expect("an overlap");
        for part in ["two tasks of one phase", "task 0 claims", "task 1 claims"] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
        for line in lines {
            assert!(message.contains(&format!("{}:{line}:", file!())), "{line}: {message}");
        }
    });
}

#[test]
fn a_read_and_a_write_conflict_and_two_reads_do_not() {
    let (left, right) = (Rectangle::from(0..8), Rectangle::from(7..9));
    for_any_team(|threads| {
        assert_eq!(phase_of(threads, [(read, left), (read, right)]), None);
        for claims in [[(read as Claim, left), (write, right)], [(write, left), (read, right)]] {
            let message = phase_of(threads, claims).expect("an overlap");
            assert!(message.contains("for reading") && message.contains("for writing"));
        }
    });
}

#[test]
fn interleaved_rectangles_do_not_conflict() {
    let left = Rectangle { start: 0, rows: 6, columns: 4, pitch: 10 };
    let right = Rectangle { start: 4, rows: 6, columns: 6, pitch: 10 };
    let empty = Rectangle { columns: 0, ..left };
    for_any_team(|threads| {
        assert_eq!(phase_of(threads, [(write, left), (write, right)]), None);
        assert_eq!(phase_of(threads, [(write, left), (write, empty)]), None);
        assert!(
            phase_of(threads, [(write, left), (write, Rectangle { start: 3, ..right })]).is_some()
        );
    });
}

#[test]
fn a_task_may_repeat_a_claim_and_so_may_a_later_phase() {
    for_any_team(|threads| {
        let mut data = [0; LEN];
        threads.gather(|team| {
            let shared = DisjointMut::new(&mut data);
            for shift in [0, 1] {
                team.run(LEN, |task, _| {
                    let own = (task + shift) % LEN;
                    write(&shared, Rectangle::from(own..own + 1));
                    read(&shared, Rectangle::from(own..own + 1));
                    write(&shared, Rectangle::from(own..own + 1));
                });
                // Between phases there is one thread.
                write(&shared, Rectangle::from(0..LEN));
            }
        });
    });
}

#[test]
fn a_claim_beyond_the_end_is_found() {
    let beyond = Rectangle { start: 1, rows: 6, columns: 10, pitch: 10 };
    let within = Rectangle::from(0..1);
    for_any_team(|threads| {
        let message = phase_of(threads, [(write, within), (write, beyond)]).expect("a panic");
        assert!(message.contains("leaves a slice of 60"), "{message}");
    });
}

#[test]
fn tasks_of_one_worker_share_its_part() {
    for_any_team(|threads| {
        let mut data = [0; LEN];
        threads.gather(|team| {
            let shared = DisjointMut::by_worker(&mut data);
            team.run(LEN, |_, worker| write(&shared, Rectangle::from(worker..worker + 1)));
        });
        let message = panic_of(|| {
            threads.gather(|team| {
                let shared = DisjointMut::by_worker(&mut data);
                // The tasks of two workers, whichever runs them first.
                let both = std::sync::Barrier::new(team.workers().min(2));
                team.run(2, |_, _| {
                    both.wait();
                    write(&shared, Rectangle::from(0..1));
                });
            });
        });
        assert_eq!(message.is_some(), threads.count() > 1);
    });
}

/// A task's own team claims for the task in memory that is shared outside of it, and for its own
/// tasks in memory that is shared inside.
#[test]
fn teams_within_teams_have_claims_of_their_own() {
    let inner_phase = |shared_inside: bool, overlap_outside: bool| {
        let mut data = [0; LEN];
        let threads = Threads::new(NonZeroUsize::new(2).unwrap());
        panic_of(|| {
            threads.gather(|team| {
                let outside = DisjointMut::new(&mut data);
                team.run(2, |task, _| {
                    threads.gather(|team| {
                        let mut data = [0; LEN];
                        let inside = DisjointMut::new(&mut data);
                        team.run(2, |_, _| {
                            if shared_inside {
                                write(&inside, Rectangle::from(0..1));
                            }
                            let own = if overlap_outside { 0 } else { task };
                            write(&outside, Rectangle::from(own..own + 1));
                        });
                    });
                });
            });
        })
    };
    assert_eq!(inner_phase(false, false), None);
    assert!(inner_phase(true, false).is_some());
    assert!(inner_phase(false, true).is_some());
}
