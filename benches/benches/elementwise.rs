//! Benchmarks of elementwise kernels. `elem/s` counts values. SiLU and softmax spend most of their
//! time in the exponential.

use align_benches::{Bench, values};
use align_tensor::{Activation, activate, mean_pool, scale_channels};

/// A number of values that fits in the L1 cache.
const LEN: usize = 4096;

fn main() {
    Bench::main(|bench| {
        activations(bench);
        channels(bench);
    });
}

fn activations(bench: &mut Bench<'_>) {
    let isa = bench.isa;
    let mut x = values(LEN);
    let mut group = bench.group("activation");
    for (name, activation) in [
        ("silu", Activation::Silu),
        ("sigmoid", Activation::Sigmoid),
        ("tanh", Activation::Tanh),
        ("gelu", Activation::Gelu),
        ("gelu tanh", Activation::GeluTanh),
        ("relu", Activation::Relu),
    ] {
        // Repeated on its own results, the kernel would be timed on ever smaller numbers.
        let fresh = values(LEN);
        group.values(name, LEN, || {
            x.copy_from_slice(&fresh);
            activate(isa, activation, &mut x);
        });
    }
}

/// Benchmarks the kernels that work on channels, on the expanded map of a block of align-base's fifth stage.
fn channels(bench: &mut Bench<'_>) {
    const PIXELS: usize = 18 * 18;
    const CHANNELS: usize = 1344;
    let isa = bench.isa;
    // Scales of magnitude one, so that repeated scaling keeps the magnitude of the values.
    let scales = vec![-1.0; CHANNELS];
    let (mut x, mut means) = (values(PIXELS * CHANNELS), vec![0.0; CHANNELS]);
    let mut group = bench.group("channels");
    group.values("scale_channels", PIXELS * CHANNELS, || scale_channels(isa, &mut x, &scales));
    group.values("mean_pool", PIXELS * CHANNELS, || mean_pool(isa, &x, CHANNELS, &mut means));
}
