//! Timing of repeated runs.

use std::time::{Duration, Instant};

/// Runs that are not timed. They fault memory in and fill caches.
const WARM_UPS: usize = 3;
/// The least number of timed runs.
const MIN_RUNS: usize = 10;
/// The largest number of timed runs.
const MAX_RUNS: usize = 1000;
/// Short runs are repeated for this long.
const MIN_TIME: Duration = Duration::from_secs(1);

/// The minimum and the median time of `forward` in milliseconds.
pub(super) fn min_and_median<T, E>(
    mut forward: impl FnMut() -> Result<T, E>,
) -> Result<[f64; 2], E> {
    for _ in 0..WARM_UPS {
        forward()?;
    }
    let (begin, mut times) = (Instant::now(), Vec::new());
    while times.len() < MIN_RUNS || (begin.elapsed() < MIN_TIME && times.len() < MAX_RUNS) {
        let start = Instant::now();
        std::hint::black_box(forward()?);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let median = median(&mut times);
    Ok([times[0], median])
}

/// The results of `forward` in [`MIN_RUNS`] runs after warm-up.
pub(super) fn collect<T, E>(mut forward: impl FnMut() -> Result<T, E>) -> Result<Vec<T>, E> {
    for _ in 0..WARM_UPS {
        forward()?;
    }
    (0..MIN_RUNS).map(|_| forward()).collect()
}

/// The median of the times, which are sorted in place.
pub(super) fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    if times.len() % 2 == 1 { times[middle] } else { (times[middle - 1] + times[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        assert_eq!(median(&mut [9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 9.0, 2.0]), 3.0);
    }
}
