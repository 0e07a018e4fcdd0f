//! Benchmarks of a BERT layer's other kernels: attention, softmax, layer norm.

use align_benches::{Bench, values};
use align_tensor::{
    Arena, Attention, Forward, Heads, NumbersMut, Profile, Sequence, attention, layer_norm,
    softmax_rows,
};

const HEADS: Heads = Heads { count: 12, width: 64 };

fn main() {
    Bench::main(|bench| {
        for (texts, tokens) in [(1, 16), (2, 64), (16, 16), (16, 64)] {
            attend(bench, texts, tokens);
        }
        rows(bench);
    });
}

fn attend(bench: &mut Bench<'_>, texts: usize, tokens: usize) {
    let (isa, team) = (bench.isa, bench.team);
    let sequences: Vec<_> = (0..texts)
        .map(|text| Sequence {
            rows: text * tokens..(text + 1) * tokens,
            keys: tokens,
            queries: 0..tokens,
            uniform: false,
        })
        .collect();
    let qkv = values(texts * tokens * 3 * HEADS.hidden());
    let (mut arena, profile) = (Arena::new(), Profile::default());
    let space = arena.open(HEADS.arena_size(isa, team.workers(), tokens));
    let mut forward = Forward::new(team, space, &profile);
    let mut out = vec![0.0; texts * tokens * HEADS.hidden()];
    let flops = HEADS.flops(&sequences);
    bench.group("attention").flops(&format!("{texts}x{tokens}"), flops, || {
        let (heads, out) = (HEADS, NumbersMut::F32(&mut out));
        let operands = Attention { heads, sequences: &sequences, qkv: &qkv, out, attentions: None };
        attention(&mut forward, isa, operands);
    });
}

fn rows(bench: &mut Bench<'_>) {
    const ROWS: usize = 128;
    let isa = bench.isa;
    let hidden = HEADS.hidden();
    let (gamma, beta, mut x) = (values(hidden), values(hidden), values(ROWS * hidden));
    bench.group("layer_norm").values("128x768", x.len(), || {
        layer_norm(isa, &mut x, None, &gamma, &beta, 1e-12);
    });
    let mut scores = values(ROWS * 64);
    bench.group("softmax").values("128x64", scores.len(), || {
        softmax_rows(isa, &mut scores, 64);
    });
}
