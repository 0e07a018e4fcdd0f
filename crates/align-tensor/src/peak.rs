//! The most that the vector units can do, measured: what a kernel's speed is a share of.

use crate::{
    Runtime,
    simd::{Op, Simd},
};
use std::{
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Instant,
};

/// Chains of dependent multiply-adds that run side by side: more than the latency times the
/// number of units of any CPU of today, and fewer than the registers.
const CHAINS: usize = 12;

/// Multiply-adds of each chain in a round: a fraction of a millisecond, so that some rounds are
/// not interrupted even on a busy machine.
const STEPS: usize = 1 << 17;

/// Rounds, of which the fastest counts.
const ROUNDS: usize = 128;

/// Floating-point operations per second of `f32` multiply-adds in registers, on all threads of
/// `runtime` together.
///
/// It is a ceiling that no kernel reaches: loads and stores come on top.
pub fn peak_flops(runtime: &Runtime) -> f64 {
    let workers = runtime.threads.count();
    runtime.threads.gather(|team| {
        let round = || {
            let flops = AtomicUsize::new(0);
            let start = Instant::now();
            team.run(workers, |_, _| {
                let chains = runtime.isa.dispatch(Chains { factor: black_box(0.5) });
                black_box(chains.sum);
                flops.fetch_add(chains.flops, Relaxed);
            });
            flops.into_inner() as f64 / start.elapsed().as_secs_f64()
        };
        (0..ROUNDS).map(|_| round()).fold(0.0, f64::max)
    })
}

/// `a = a * factor + factor`, again and again; it stays near one.
struct Chains {
    factor: f32,
}

/// What chains came to.
struct ChainsRun {
    sum: f32,
    flops: usize,
}

impl Op for Chains {
    type Output = ChainsRun;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> ChainsRun {
        let factor = s.splat(self.factor);
        let mut chains = [factor; CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = s.mul_add(*chain, factor, factor);
            }
        }
        let sum = chains.into_iter().map(|chain| s.reduce_add(chain)).sum();
        ChainsRun { sum, flops: 2 * S::LANES * CHAINS * STEPS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Isa, Threads};

    #[test]
    fn every_chain_runs_to_its_limit() {
        for isa in Isa::available() {
            let run = isa.dispatch(Chains { factor: 0.5 });
            // The fixed point of a/2 + 1/2 is 1, exactly, in each lane of each chain.
            assert_eq!(run.sum as usize, run.flops / (2 * STEPS), "{isa:?}");
        }
    }

    #[test]
    fn the_peak_is_a_number_of_this_world() {
        let runtime = Runtime::new().unwrap().with_threads(Threads::single());
        let peak = peak_flops(&runtime);
        assert!((1e8..1e13).contains(&peak), "{peak}");
    }
}
