//! A parallel pass over an index.

use crate::index::{Index, IndexError};
use align_tensor::{Runtime, ScanQueries};
use std::sync::{Mutex, PoisonError};

/// The rows of a task: enough that the overhead of a task is negligible, few enough that all threads
/// finish at about the same time.
const ROWS_PER_TASK: usize = 2048;

/// Scores the rows of `index` from `first` on with all queries, and returns the states of the
/// workers.
///
/// Each worker begins with a copy of `state` and calls `receive(state, query, row, score)`, which
/// returns the floor of the query. Scores below the floor of a query are skipped, and so are
/// superseded rows.
pub(crate) fn scan_index<T: Clone + Send>(
    index: &Index,
    runtime: &Runtime,
    queries: &ScanQueries,
    first: usize,
    state: &T,
    floor: f32,
    receive: impl Fn(&mut T, usize, usize, f32) -> f32 + Sync,
) -> Result<Vec<T>, IndexError> {
    let blocks = index.blocks()?;
    let dim = index.dim();
    let tasks: Vec<_> = blocks
        .iter()
        .flat_map(|(rows, values)| {
            let starts = (rows.start.max(first)..rows.end).step_by(ROWS_PER_TASK);
            starts.map(move |start| {
                let end = rows.end.min(start + ROWS_PER_TASK);
                let values = values.as_numbers();
                (start, values.slice((start - rows.start) * dim..(end - rows.start) * dim))
            })
        })
        .collect();
    runtime.threads.gather(|team| {
        // Two tasks that run at the same time never have the same worker, so no lock blocks.
        let new = || Mutex::new((state.clone(), vec![floor; queries.count()]));
        let workers: Vec<_> = (0..team.workers()).map(|_| new()).collect();
        team.run(tasks.len(), |task, worker| {
            let (start, rows) = tasks[task];
            let mut worker = workers[worker].lock().unwrap_or_else(PoisonError::into_inner);
            let (state, floors) = &mut *worker;
            let mut lowest = floors.clone();
            queries.scan(rows, floors, &mut |query, row, score| {
                let row = start + row;
                if !index.is_superseded(row) {
                    lowest[query] = receive(state, query, row, score);
                }
                lowest[query]
            });
        });
        let states = workers
            .into_iter()
            .map(|worker| worker.into_inner().unwrap_or_else(PoisonError::into_inner).0);
        Ok(states.collect())
    })
}
