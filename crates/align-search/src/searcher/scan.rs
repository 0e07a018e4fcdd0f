//! One pass over an index, shared by all threads.

use crate::index::{Index, IndexError};
use align_tensor::{Runtime, ScanQueries};
use std::sync::{Mutex, PoisonError};

/// Rows that a task scans: enough that taking a task costs nothing beside it, few enough that all
/// threads end together.
const ROWS_PER_TASK: usize = 2048;

/// Scores the rows of `index` from number `first` on, with all queries. Every worker has a copy of
/// `state`, which `take` is called with: state, query, row and score; it returns the query's floor
/// from now on. Superseded rows are left out. Gives the workers' states.
pub(crate) fn scan_index<T: Clone + Send>(
    index: &Index,
    runtime: &Runtime,
    queries: &ScanQueries,
    first: usize,
    state: &T,
    floor: f32,
    take: impl Fn(&mut T, usize, usize, f32) -> f32 + Sync,
) -> Result<Vec<T>, IndexError> {
    let blocks = index.blocks()?;
    let dim = index.dim();
    let tasks: Vec<_> = blocks
        .iter()
        .flat_map(|(rows, values)| {
            let starts = (rows.start.max(first)..rows.end).step_by(ROWS_PER_TASK);
            starts.map(move |start| {
                let end = rows.end.min(start + ROWS_PER_TASK);
                (start, values.rows().slice((start - rows.start) * dim..(end - rows.start) * dim))
            })
        })
        .collect();
    runtime.threads.gather(|team| {
        // A worker's number is never used by two tasks at once: no lock is ever waited for.
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
                    lowest[query] = take(state, query, row, score);
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
