//! Shared code of the kernel benchmarks, and the [`serve`] loop of the engines that `cargo xtask peers` compares.
//!
//! Kernels run on one thread, with the instruction set that `ALIGN_ISA` names. If a kernel's work is multiply-adds,
//! criterion's `elem/s` counts floating-point operations, and the line below it prints the share of the peak. Each
//! process measures the peaks once: products of each precision in registers, on the same thread.

#![forbid(unsafe_code)]

mod serve;
mod shapes;

use align_tensor::{Isa, Precision, Runtime, Team, Threads, peak_flops};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use std::cell::Cell;
use std::time::{Duration, Instant};

pub use serve::{Engine, serve};
pub use shapes::{ConvolutionShape, GemmShape};

/// Total size of the copies of a cold operand, in bytes. It exceeds the last-level cache of most machines.
const COLD_BYTES: usize = 256 << 20;

/// The benchmarks of one process.
pub struct Bench<'a> {
    /// The instruction set of the kernels.
    pub isa: Isa,
    /// A team of the calling thread alone.
    pub team: &'a Team<'a>,
    criterion: Criterion,
    /// Peak of every precision, in floating-point operations per second.
    peaks: Vec<(Precision, f64)>,
}

impl Bench<'_> {
    /// Measures the peaks and runs `benches`, configured by the command line.
    ///
    /// # Panics
    /// If `ALIGN_ISA` names no instruction set of this machine.
    pub fn main(benches: impl FnOnce(&mut Bench<'_>)) {
        let runtime = Runtime::new().expect("an instruction set of this machine");
        let runtime = runtime.with_threads(Threads::single());
        let peak = |precision| (precision, peak_flops(&runtime.clone().with_precision(precision)));
        let peaks: Vec<_> = Precision::ALL.map(peak).into();
        println!("{}, one thread", runtime.isa.name());
        for (precision, peak) in &peaks {
            let instructions = runtime.isa.product_instructions(*precision);
            println!("{precision}: peak {:.1} GFLOP/s, {instructions}", peak * 1e-9);
        }
        let criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .configure_from_args();
        runtime.threads.gather(|team| {
            let mut bench = Bench { isa: runtime.isa, team, criterion, peaks };
            benches(&mut bench);
            bench.criterion.final_summary();
        });
    }

    /// Starts a group of measurements whose products are `f32`.
    pub fn group(&mut self, name: &str) -> Group<'_> {
        self.group_in(Precision::F32, name)
    }

    /// Starts a group of measurements whose products have `precision`.
    ///
    /// # Panics
    /// Never: every precision has a peak.
    pub fn group_in(&mut self, precision: Precision, name: &str) -> Group<'_> {
        let (_, peak) = *self.peaks.iter().find(|(p, _)| *p == precision).expect("a peak each");
        Group { group: self.criterion.benchmark_group(name), peak }
    }
}

/// A group of measurements.
pub struct Group<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    peak: f64,
}

impl Group<'_> {
    /// Times a kernel of `flops` floating-point operations and prints its share of the peak.
    pub fn flops(&mut self, name: &str, flops: usize, kernel: impl FnMut()) {
        if let Some(fastest) = self.time(name, flops, kernel) {
            let rate = flops as f64 / fastest;
            println!(
                "{:24}fastest {:.1} GFLOP/s, {:.0} % of the peak",
                "",
                rate * 1e-9,
                100.0 * rate / self.peak
            );
        }
    }

    /// Times a kernel on `values` values.
    pub fn values(&mut self, name: &str, values: usize, kernel: impl FnMut()) {
        self.time(name, values, kernel);
    }

    /// Seconds for one call in the fastest sample, or `None` if the command line's filter excludes the benchmark.
    fn time(&mut self, name: &str, elements: usize, mut kernel: impl FnMut()) -> Option<f64> {
        let fastest = Cell::new(None::<f64>);
        self.group.throughput(Throughput::Elements(elements as u64));
        self.group.bench_function(name, |bencher| {
            bencher.iter_custom(|calls| {
                let start = Instant::now();
                for _ in 0..calls {
                    kernel();
                }
                let elapsed = start.elapsed();
                let each = elapsed.as_secs_f64() / calls as f64;
                fastest.set(Some(fastest.get().map_or(each, |least| least.min(each))));
                elapsed
            });
        });
        fastest.get()
    }
}

/// Copies of one value, handed out in turn.
pub struct Copies<T> {
    copies: Vec<T>,
    next: usize,
}

impl<T: Clone> Copies<T> {
    /// A single copy, which stays in the cache as far as it fits.
    pub fn hot(thing: &T) -> Self {
        Self { copies: vec![thing.clone()], next: 0 }
    }

    /// Enough copies of `bytes` bytes that each has left the cache when its turn comes again.
    pub fn cold(thing: &T, bytes: usize) -> Self {
        Self { copies: vec![thing.clone(); COLD_BYTES.div_ceil(bytes)], next: 0 }
    }

    /// Returns the next copy.
    pub fn turn(&mut self) -> &T {
        let index = self.next;
        self.next = (index + 1) % self.copies.len();
        &self.copies[index]
    }
}

/// Returns `len` pseudo-random numbers in [-1, 1), each a function of its index.
pub fn values(len: usize) -> Vec<f32> {
    (0..len as u64)
        .map(|index| {
            // SplitMix64, because a weaker hash makes neighbours similar, and these would add up in products.
            let mut hash = index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (hash >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Returns weights `[outputs, inputs]`, scaled so that sums have the magnitude of their inputs.
///
/// Large sums would make the activations work with subnormals.
pub fn weights(outputs: usize, inputs: usize) -> Vec<f32> {
    let scale = (3.0 / inputs as f32).sqrt();
    values(outputs * inputs).into_iter().map(|x| scale * x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cold_copies_take_turns() {
        let mut copies = Copies::cold(&7, COLD_BYTES / 2);
        assert_eq!(copies.copies.len(), 2);
        let first = std::ptr::from_ref(copies.turn());
        assert_ne!(first, std::ptr::from_ref(copies.turn()));
        assert_eq!(first, std::ptr::from_ref(copies.turn()));
    }

    #[test]
    fn values_are_spread_over_their_range() {
        let values = values(4096);
        assert!(values.iter().all(|x| (-1.0..1.0).contains(x)));
        let mean = values.iter().sum::<f32>() / 4096.0;
        // Four standard deviations of the mean.
        assert!(mean.abs() < 4.0 * (1.0 / 3.0f32).sqrt() / 64.0, "{mean}");
    }
}
