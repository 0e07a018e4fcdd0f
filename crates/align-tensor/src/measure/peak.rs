//! The peak speed of the arithmetic units, measured. Speeds of kernels are reported as a share of it.

use crate::cpu::Isa;
#[cfg(target_arch = "x86_64")]
use crate::cpu::amx::block::Tiles;
#[cfg(target_arch = "x86_64")]
use crate::cpu::amx::{Amx, TILE, TILE_WORDS};
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::avx512_bf16::{Avx512Bf16, Bf16Op};
use crate::cpu::simd::{Op, Simd};
use crate::cpu::unit::Unit;
use crate::forward::Runtime;
use crate::gemm::kernel::Kernel;
use crate::number::Precision;
use std::hint::black_box;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Chains of dependent multiply-adds that run at the same time: more than the latency times the
/// number of units of any current CPU, and fewer than its registers.
const CHAINS: usize = 12;

/// Multiply-adds of each chain in a round. A round takes a fraction of a millisecond, so that some
/// rounds are not interrupted even on a busy machine.
const STEPS: usize = 1 << 17;

/// The number of rounds. The fastest one counts.
const ROUNDS: usize = 128;

/// Floating-point operations per second of products in registers, in the runtime's precision and on
/// all its threads together.
///
/// No kernel reaches this peak, because kernels also load and store. Only operations of the result
/// count: the three products of `bf16x3` are one, and so are the multiply-adds that emulate a
/// product.
pub fn peak_flops(runtime: &Runtime) -> f64 {
    let workers = runtime.threads.count();
    let kernel = Kernel::fastest(runtime.isa, runtime.precision());
    runtime.threads.gather(|team| {
        let round = || {
            let flops = AtomicUsize::new(0);
            let start = Instant::now();
            team.run(workers, |_, _| {
                let chains = run_chains(runtime.isa, kernel, black_box(0.5));
                black_box(chains.sum);
                flops.fetch_add(chains.flops, Relaxed);
            });
            flops.into_inner() as f64 / start.elapsed().as_secs_f64()
        };
        (0..ROUNDS).map(|_| round()).fold(0.0, f64::max)
    })
}

/// Runs the chains of a kernel's unit.
fn run_chains(isa: Isa, kernel: Kernel, factor: f32) -> ChainsRun {
    let chains = Chains { factor };
    let run = match kernel.unit {
        Unit::Fma => isa.dispatch(chains),
        #[cfg(target_arch = "x86_64")]
        Unit::Pairs(unit) => {
            let mut run = ChainsRun { sum: 0.0, flops: 0 };
            unit.outline(PairChains { chains, run: &mut run });
            run
        }
        #[cfg(target_arch = "x86_64")]
        Unit::Tiles(amx) => run_tiles(amx),
        #[cfg(all(test, target_arch = "x86_64"))]
        Unit::EmulatedTiles(_) => unreachable!("no instruction set has it"),
    };
    // The products that are computed for each one that counts.
    let products = if kernel.precision == Precision::Bf16x3 { 3 } else { 1 };
    ChainsRun { flops: run.flops / products, ..run }
}

/// [`Chains`] of tile products.
#[cfg(target_arch = "x86_64")]
fn run_tiles(amx: Amx) -> ChainsRun {
    /// Products of each chain. At 16 cycles a product, a round is as long as one of vectors.
    const PRODUCTS: usize = 1 << 13;
    const CHAINS: usize = 4;
    let mut sums = [[0.0; TILE]; TILE];
    // SAFETY: the tiles are configured.
    amx.configured(|| unsafe { amx.run_chains(PRODUCTS, &mut sums) });
    let flops = 2 * TILE * TILE * 2 * TILE_WORDS * CHAINS * PRODUCTS;
    ChainsRun { sum: sums[0][0], flops }
}

/// [`Chains`] of products of bf16 pairs, `a = a + factor * factor + 0 * 0`: four operations each.
#[cfg(target_arch = "x86_64")]
struct PairChains<'a> {
    chains: Chains,
    run: &'a mut ChainsRun,
}

#[cfg(target_arch = "x86_64")]
impl Bf16Op for PairChains<'_> {
    #[inline(always)]
    fn run(self, unit: Avx512Bf16, s: Avx512) {
        // As bits, this is the pair (0, factor) of bf16 numbers.
        let factor = s.splat(self.chains.factor);
        let mut chains = [s.zero(); CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = unit.multiply_pairs(factor, factor, *chain);
            }
        }
        let sum = chains.into_iter().map(|chain| s.reduce_add(chain)).sum();
        *self.run = ChainsRun { sum, flops: 4 * Avx512::LANES * CHAINS * STEPS };
    }
}

/// Repeated steps of `a = a * factor + factor`, in which `a` stays near one.
struct Chains {
    factor: f32,
}

/// The result of a round of chains.
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
    use crate::threads::Threads;

    #[test]
    fn every_chain_runs_to_its_limit() {
        for isa in Isa::available() {
            let run = isa.dispatch(Chains { factor: 0.5 });
            // Each lane of each chain ends at the fixed point of a/2 + 1/2, which is exactly 1.
            assert_eq!(run.sum as usize, run.flops / (2 * STEPS), "{isa:?}");
        }
    }

    #[test]
    fn every_chain_of_pairs_runs_to_its_limit() {
        for isa in Isa::available() {
            let kernel = Kernel::fastest(isa, Precision::Bf16);
            if matches!(kernel.unit, Unit::Fma) || kernel.unit.is_tiles() {
                continue;
            }
            let run = run_chains(isa, kernel, 0.5);
            // Each lane of each chain has added 1/4 in each step: the square of 1/2, which is the
            // upper half of the pair, while the lower half is zero. This is exact up to 2^24.
            assert_eq!(f64::from(run.sum), (run.flops / 16) as f64);
        }
    }

    #[test]
    fn every_chain_of_tiles_runs_to_its_limit() {
        for isa in Isa::available() {
            let kernel = Kernel::fastest(isa, Precision::Bf16);
            if kernel.unit.is_tiles() {
                // 32 products of 1/4 in each of 2^13 steps.
                assert_eq!(run_chains(isa, kernel, 0.5).sum, 65536.0);
            }
        }
    }

    #[test]
    fn the_peak_is_plausible() {
        let runtime = Runtime::new().unwrap().with_threads(Threads::single());
        let peak = peak_flops(&runtime);
        assert!((1e8..1e13).contains(&peak), "{peak}");
    }
}
