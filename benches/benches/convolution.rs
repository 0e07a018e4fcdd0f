//! Benchmarks of the stem, and of the first half of the last block of each stage, with and without its expansion.

use align_benches::{Bench, ConvolutionShape, Copies, values, weights};
use align_tensor::{
    Activation, AlignedBuffer, Arena, ExpandDepthwise, Expansion, Forward, NumbersMut,
    PackedWeights, Precision, Profile, Stem,
};

fn main() {
    Bench::main(|bench| {
        stem(bench);
        for shape in ConvolutionShape::of_stages() {
            if shape.block.expand {
                for precision in [Precision::F32, Precision::Bf16x3, Precision::Bf16] {
                    first_half(bench, &shape, Some(precision));
                }
            }
            first_half(bench, &shape, None);
        }
    });
}

fn stem(bench: &mut Bench<'_>) {
    const SIDE: usize = 289;
    const INPUTS: usize = 3;
    const CHANNELS: usize = 64;
    let team = bench.team;
    let weights = weights(CHANNELS, INPUTS * 9);
    let stem = Stem::new(bench.isa, &weights, values(CHANNELS), INPUTS, Activation::Silu);
    let image = values(INPUTS * SIDE * SIDE);
    let pixels = Stem::output_len(SIDE).pow(2);
    let (mut arena, profile) = (Arena::new(), Profile::default());
    let space = arena.open(stem.arena_size(team.workers(), SIDE));
    let mut forward = Forward::new(team, space, &profile);
    let mut out = AlignedBuffer::<f32>::zeroed(pixels * CHANNELS);
    let flops = 2 * pixels * CHANNELS * INPUTS * 9;
    bench.group("stem").flops("hot", flops, || {
        stem.run(&mut forward, &image, (SIDE, SIDE), &mut out);
    });
}

/// Benchmarks the first half of a block, with an expansion of precision `expand` or without one.
fn first_half(bench: &mut Bench<'_>, shape: &ConvolutionShape, expand: Option<Precision>) {
    let (isa, team) = (bench.isa, bench.team);
    let (channels, inputs) = (shape.block.expanded_channels, shape.block.in_channels);
    let expansion = expand.map(|precision| {
        let weights = weights(channels, inputs);
        let weights = PackedWeights::pack_as(isa, precision, &weights, channels, inputs);
        Expansion::new(weights, values(channels))
    });
    let taps = shape.block.kernel_size.pow(2);
    let kernel = ExpandDepthwise::new(
        isa,
        expansion,
        shape.geometry(),
        &weights(channels, taps),
        values(channels),
        Activation::Silu,
    );
    let size = (shape.side, shape.side);
    let input = values(shape.side.pow(2) * kernel.inputs());
    let (mut arena, profile) = (Arena::new(), Profile::default());
    let space = arena.open(kernel.arena_size(team.workers(), 1, size));
    let mut forward = Forward::new(team, space, &profile);
    let mut out = AlignedBuffer::<f32>::zeroed(shape.out_side().pow(2) * channels);
    let mut means = vec![0.0; channels];
    let name = match expand {
        Some(precision) => format!("expand_depthwise/stage {}/{precision}", shape.stage),
        None => format!("depthwise/stage {}", shape.stage),
    };
    let flops = kernel.flops(size.0, size.1);
    let bytes = 4 * channels * (taps + if expand.is_some() { inputs } else { 0 });
    let mut group = bench.group(&name);
    for (temperature, mut copies) in
        [("hot", Copies::hot(&kernel)), ("cold", Copies::cold(&kernel, bytes))]
    {
        group.flops(temperature, flops, || {
            let out = NumbersMut::F32(&mut out);
            copies.turn().run(&mut forward, &input, size, out, &mut means);
        });
    }
}
