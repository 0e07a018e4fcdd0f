//! A pipeline: several threads prepare work, and one thread completes it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::thread;

/// Runs `prepare` for every task on `workers` threads, and `complete` for each result on the calling
/// thread. Results are completed in the order in which they are ready. At most `ahead` results wait.
///
/// # Errors
/// The first error of `complete`. Tasks that were not begun are then skipped.
///
/// # Panics
/// If `prepare` or `complete` panics.
pub(super) fn run<T: Sync, P: Send, E>(
    tasks: &[T],
    workers: usize,
    ahead: usize,
    prepare: impl Fn(&T) -> P + Sync,
    mut complete: impl FnMut(&T, P) -> Result<(), E>,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (sender, results) = sync_channel(ahead);
        for _ in 0..workers.min(tasks.len()) {
            let (sender, prepare, next) = (sender.clone(), &prepare, &next);
            scope.spawn(move || {
                while let Some(task) = tasks.get(next.fetch_add(1, Relaxed)) {
                    // The receiver is gone if `complete` has failed.
                    if sender.send((task, prepare(task))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        results.into_iter().try_for_each(|(task, prepared)| complete(task, prepared))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::SeqCst;

    #[test]
    fn every_task_is_done_once_and_few_wait() {
        let tasks: Vec<usize> = (0..200).collect();
        let prepared = AtomicUsize::new(0);
        let (mut done, mut most_ahead) = (Vec::new(), 0);
        let prepare = |task: &usize| {
            prepared.fetch_add(1, SeqCst);
            task * 2
        };
        let result = run::<_, _, ()>(&tasks, 3, 4, prepare, |task, twice| {
            assert_eq!(twice, task * 2);
            most_ahead = most_ahead.max(prepared.load(SeqCst) - done.len());
            done.push(*task);
            std::thread::sleep(std::time::Duration::from_micros(200));
            Ok(())
        });
        assert_eq!(result, Ok(()));
        done.sort();
        assert_eq!(done, tasks);
        // Four results wait, three are with their workers, and one is being completed.
        assert!(most_ahead <= 4 + 3 + 1, "{most_ahead}");
    }

    #[test]
    fn an_error_ends_the_work() {
        let tasks = vec![(); 1000];
        let prepared = AtomicUsize::new(0);
        let prepare = |(): &()| prepared.fetch_add(1, SeqCst);
        let result = run(&tasks, 2, 3, prepare, |(), n| if n == 5 { Err("five") } else { Ok(()) });
        assert_eq!(result, Err("five"));
        assert!(prepared.load(SeqCst) < 100);
        assert_eq!(run::<(), (), ()>(&[], 2, 3, |()| (), |(), ()| Err(())), Ok(()));
    }
}
