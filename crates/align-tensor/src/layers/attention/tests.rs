use super::*;
use crate::forward::Profile;
use crate::memory::Arena;
use crate::number::bf16_bits;
use crate::testing::values;
use crate::threads::Threads;
use half::bf16;
use proptest::prelude::*;
use std::num::NonZeroUsize;

/// Attention in f64: the context and the weights, as [`attention`] lays them out.
fn reference(heads: Heads, sequences: &[Sequence], qkv: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let hidden = heads.hidden();
    let (mut contexts, mut attentions) = (Vec::new(), Vec::new());
    for sequence in sequences {
        let value = |row: usize, part: usize, column: usize| {
            f64::from(qkv[(sequence.rows.start + row) * 3 * hidden + part * hidden + column])
        };
        let mut context = vec![0.0; sequence.queries.len() * hidden];
        for head in 0..heads.count {
            let columns = head * heads.width..(head + 1) * heads.width;
            for (i, query) in sequence.queries.clone().enumerate() {
                let scores: Vec<f64> = (0..sequence.keys)
                    .map(|key| {
                        let dot: f64 =
                            columns.clone().map(|c| value(query, 0, c) * value(key, 1, c)).sum();
                        if sequence.uniform { 0.0 } else { dot / (heads.width as f64).sqrt() }
                    })
                    .collect();
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
                for (key, score) in scores.iter().enumerate() {
                    let weight = (score - largest).exp() / total;
                    attentions.push(weight);
                    for c in columns.clone() {
                        context[i * hidden + c] += weight * value(key, 2, c);
                    }
                }
            }
        }
        contexts.extend(context);
    }
    (contexts, attentions)
}

/// Runs [`attention`] in an arena of its own.
fn run_operands(isa: Isa, workers: usize, operands: Attention<'_>) {
    let Attention { heads, sequences, .. } = operands;
    let longest = sequences.iter().map(|s| s.rows.len()).max().unwrap_or(0);
    let size = heads.arena_size(isa, workers, longest);
    let (mut arena, profile) = (Arena::full_of_nan(size), Profile::default());
    Threads::new(NonZeroUsize::new(workers).unwrap()).gather(|team| {
        attention(&mut Forward::new(team, arena.open(size), &profile), isa, operands);
    });
}

fn run(
    isa: Isa,
    workers: usize,
    heads: Heads,
    sequences: &[Sequence],
    qkv: &[f32],
    lens: (usize, usize),
) -> (Vec<f32>, Vec<f32>) {
    let (mut out, mut weights) = (vec![f32::NAN; lens.0], vec![f32::NAN; lens.1]);
    let (to, attentions) = (NumbersMut::F32(&mut out), Some(&mut weights[..]));
    run_operands(isa, workers, Attention { heads, sequences, qkv, out: to, attentions });
    (out, weights)
}

fn sequence() -> impl Strategy<Value = (usize, usize, bool)> {
    (1usize..40, 0usize..4, prop::bool::weighted(0.2))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn equals_the_reference(
        lens in prop::collection::vec(sequence(), 1..4),
        count in 1usize..4,
        width in 1usize..40,
        one_query: bool,
        workers in 1usize..4,
    ) {
        let heads = Heads { count, width };
        let mut start = 0;
        let sequences: Vec<_> = lens
            .iter()
            .map(|&(keys, others, uniform)| {
                let rows = start..start + keys + others;
                start = rows.end;
                let queries = if one_query { rows.len() - 1..rows.len() } else { 0..rows.len() };
                Sequence { rows, keys, queries, uniform }
            })
            .collect();
        let qkv = values(start * 3 * heads.hidden(), 1);
        let (context, weights) = reference(heads, &sequences, &qkv);
        // Scores are sums of `width` products below 1, over the root of the width. A weight's
        // relative error is the absolute error of its score, and a few ULP. Contexts are means of
        // values below 1: sums of `keys` products.
        let half_ulp = f64::from(f32::EPSILON) / 2.0;
        let score_error = half_ulp * (2.0 * width as f64 + 4.0) * (width as f64).sqrt();
        let keys = sequences.iter().map(|s| s.keys).max().unwrap() as f64;
        let bound = 2.0 * score_error + half_ulp * (2.0 * keys + 16.0);
        for isa in Isa::available() {
            let lens = (context.len(), weights.len());
            let (out, found) = run(isa, workers, heads, &sequences, &qkv, lens);
            for (found, expected) in out.iter().zip(&context).chain(found.iter().zip(&weights)) {
                prop_assert!(
                    (f64::from(*found) - expected).abs() <= bound,
                    "{isa:?}: {found}, not {expected}, bound {bound}"
                );
            }
        }
    }
}

#[test]
fn a_sequence_has_the_same_bits_whatever_it_is_batched_with() {
    let heads = Heads { count: 3, width: 20 };
    let qkv = values(50 * 3 * heads.hidden(), 2);
    let sequence = |rows: Range<usize>| Sequence {
        keys: rows.len(),
        queries: 0..rows.len(),
        rows,
        uniform: false,
    };
    let both = [sequence(0..17), sequence(17..50)];
    let lens = |rows: &[usize]| {
        (
            rows.iter().sum::<usize>() * heads.hidden(),
            rows.iter().map(|rows| rows * rows * heads.count).sum(),
        )
    };
    for isa in Isa::available() {
        let (all, _) = run(isa, 1, heads, &both, &qkv, lens(&[17, 33]));
        for workers in [1, 2, 4] {
            let (alone, _) = run(isa, workers, heads, &both[1..], &qkv, lens(&[33]));
            assert_eq!(alone[..], all[17 * heads.hidden()..]);
        }
    }
}

#[test]
fn contexts_in_bf16_are_those_in_f32_rounded() {
    let heads = Heads { count: 3, width: 21 };
    let sequence = Sequence { rows: 0..9, keys: 9, queries: 0..9, uniform: false };
    let qkv = values(9 * 3 * heads.hidden(), 2);
    for isa in Isa::available() {
        let len = 9 * heads.hidden();
        let (exact, _) =
            run(isa, 2, heads, std::slice::from_ref(&sequence), &qkv, (len, 9 * 9 * 3));
        let mut found = vec![bf16::ZERO; len];
        let (sequences, out) = (std::slice::from_ref(&sequence), NumbersMut::Bf16(&mut found));
        let operands = Attention { heads, sequences, qkv: &qkv, out, attentions: None };
        run_operands(isa, 1, operands);
        let expected: Vec<u16> = exact.into_iter().map(bf16_bits::round).collect();
        assert_eq!(bytemuck::cast_slice::<bf16, u16>(&found), expected, "{isa:?}");
    }
}

#[test]
#[should_panic(expected = "does not fit in memory")]
fn sizes_that_wrap_are_refused() {
    let heads = Heads { count: (1 << 63) + 1, width: 2 };
    let sequence = Sequence { rows: 0..1, keys: 1, queries: 0..1, uniform: false };
    run(Isa::best(), 1, heads, &[sequence], &[0.0; 1000], (2, 0));
}
