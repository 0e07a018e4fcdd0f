//! Multi-head self-attention over ragged sequences.
//!
//! For each sequence and head: `softmax(scale * Q K^T) V`, with `Q`, `K` and `V` side by side in
//! the rows of one array, as one product with the three weights makes them. Sequences lie one
//! after another, each with the rows that it has and no padding. A sequence's first rows are the
//! keys that all its queries see; rows behind them only ask.
//!
//! A task is one head of one sequence: its keys and values are packed as weights are, so both
//! products are the ordinary ones, and all of it stays in the caches.

use crate::cpu::Isa;
use crate::cpu::simd::prefetch;
use crate::gemm::SharedOutput;
use crate::gemm::packing::layout::PackedLayout;
use crate::gemm::{Epilogue, PackedWeightsView, gemm_on_this_thread};
use crate::layers::softmax::softmax_rows;
use crate::memory::{LINE, round_up_to_line};
use crate::number::ValuesMut;
use crate::number::sizes::product;
use crate::threads::{DisjointMut, Rectangle, Team};
use std::ops::Range;

/// One sequence of a ragged batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Its rows in the batch.
    pub rows: Range<usize>,
    /// How many of its rows, from the first on, are keys and values.
    pub keys: usize,
    /// Its rows, counted from its first, that ask: what is computed.
    pub queries: Range<usize>,
    /// Whether all keys weigh alike, whatever finite values they hold: what the original's additive mask makes of
    /// a sequence that is all padding.
    pub uniform: bool,
}

/// The heads of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// How many there are.
    pub count: usize,
    /// The width of each.
    pub width: usize,
}

impl Heads {
    /// The width of all together.
    pub fn hidden(self) -> usize {
        self.count * self.width
    }

    /// The floating-point operations for these sequences, two for each product.
    pub fn flops(self, sequences: &[Sequence]) -> usize {
        sequences.iter().map(|s| 4 * s.queries.len() * s.keys * self.hidden()).sum()
    }

    /// The scratch that each worker needs for a sequence of at most `rows` rows.
    pub fn scratch_len(self, isa: Isa, rows: usize) -> usize {
        Scratch::sizes(isa, self, rows, rows).into_iter().map(round_up_to_line).sum()
    }
}

/// The pieces of a task's scratch.
struct Scratch<'a> {
    queries: &'a mut [f32],
    keys: &'a mut [f32],
    values: &'a mut [f32],
    weights: &'a mut [f32],
    context: &'a mut [f32],
}

impl<'a> Scratch<'a> {
    fn sizes(isa: Isa, heads: Heads, keys: usize, queries: usize) -> [usize; 5] {
        let packed = |n, k| PackedLayout::for_f32(isa, n, k).packed_len();
        [
            queries * heads.width,
            packed(keys, heads.width),
            packed(heads.width, keys),
            queries * keys,
            queries * heads.width,
        ]
    }

    fn cut(scratch: &'a mut [f32], sizes: [usize; 5]) -> Self {
        let mut free = scratch;
        let mut take = |len| {
            let (taken, rest) = std::mem::take(&mut free).split_at_mut(round_up_to_line(len));
            free = rest;
            &mut taken[..len]
        };
        let [queries, keys, values, weights, context] = sizes.map(&mut take);
        Self { queries, keys, values, weights, context }
    }
}

/// Computes attention for every sequence.
///
/// `qkv [rows, 3 * hidden]` holds queries, keys and values; `out [queries, hidden]` takes the contexts of the queries of
/// all sequences one after another, rounded where it is kept in bf16. Where given, `attentions` takes the weights: for
/// each sequence `[heads, queries, keys]`, one after another.
///
/// # Panics
/// Where the sizes do not agree, a sequence has no key, or `scratch` does not hold
/// [`Heads::scratch_len`] of the longest sequence for every worker.
#[expect(clippy::too_many_arguments, reason = "each is an array or a size of its own")]
pub fn attention(
    team: &Team<'_>,
    isa: Isa,
    heads: Heads,
    sequences: &[Sequence],
    qkv: &[f32],
    scratch: &mut [f32],
    out: ValuesMut<'_>,
    attentions: Option<&mut [f32]>,
) {
    let hidden = product([heads.count, heads.width]);
    assert!(hidden > 0, "heads of some width");
    let mut places = Vec::with_capacity(sequences.len());
    let (mut out_rows, mut weights_len, mut longest) = (0, 0, 0);
    for sequence in sequences {
        let rows = sequence.rows.len();
        assert!(product([sequence.rows.end, 3, hidden]) <= qkv.len(), "rows of qkv");
        assert!((1..=rows).contains(&sequence.keys) && sequence.queries.end <= rows);
        places.push((out_rows, weights_len));
        // Each is at most the rows of `qkv`, but a row may be in many sequences.
        out_rows = usize::checked_add(out_rows, sequence.queries.len()).expect("rows that fit");
        weights_len = product([heads.count, sequence.queries.len(), sequence.keys])
            .checked_add(weights_len)
            .expect("weights that fit");
        longest = longest.max(rows);
    }
    assert_eq!(out.len(), product([out_rows, hidden]), "out [queries, hidden]");
    assert!(attentions.as_ref().is_none_or(|a| a.len() == weights_len), "attentions");
    let out = SharedOutput::new(out);
    let attentions = attentions.map(DisjointMut::new);
    let scratch_len = heads.scratch_len(isa, longest);
    team.run_with_scratch(sequences.len() * heads.count, scratch, scratch_len, |task, scratch| {
        let (index, head) = (task / heads.count, task % heads.count);
        let sequence = &sequences[index];
        let (out_row, weights_start) = places[index];
        let queries = sequence.queries.len();
        let sizes = Scratch::sizes(isa, heads, sequence.keys, queries);
        let scratch = Scratch::cut(scratch, sizes);
        let (context, weights) = one_head(isa, heads, head, sequence, qkv, scratch);
        let start = out_row * hidden + head * heads.width;
        let own = Rectangle { start, rows: queries, columns: heads.width, pitch: hidden };
        // SAFETY: `out` has `out_row + queries` rows or more (checked above), and only this task
        // writes these rows' columns of this head.
        unsafe { out.claim(own).write_rows(isa, start, hidden, context, heads.width) };
        if let Some(attentions) = &attentions {
            let start = weights_start + head * weights.len();
            // SAFETY: the weights of this head lie within `attentions`, whose size was checked
            // above, and only this task writes them.
            let slot = unsafe { attentions.claim_slice(start..start + weights.len()) };
            slot.copy_from_slice(weights);
        }
    });
}

/// One head of one sequence: its context `[queries, width]` and weights `[queries, keys]`.
fn one_head<'a>(
    isa: Isa,
    heads: Heads,
    head: usize,
    sequence: &Sequence,
    qkv: &[f32],
    scratch: Scratch<'a>,
) -> (&'a [f32], &'a [f32]) {
    let Heads { width, .. } = heads;
    let hidden = heads.hidden();
    let part = |row: usize, part: usize| {
        let start = (sequence.rows.start + row) * 3 * hidden + part * hidden + head * width;
        let (part, behind) = qkv[start..].split_at(width);
        // Rows are far apart, so that the processor does not fetch ahead by itself. The next head
        // lies behind this one.
        for line in (0..width).step_by(LINE) {
            prefetch(behind.as_ptr().wrapping_add(line));
        }
        part
    };
    for (slot, row) in scratch.queries.chunks_exact_mut(width).zip(sequence.queries.clone()) {
        slot.copy_from_slice(part(row, 0));
    }
    // The scale goes with the keys: there are as many of them as of queries, or fewer.
    let scale = if sequence.uniform { 0.0 } else { (1.0 / (width as f64).sqrt()) as f32 };
    let shape = PackedLayout::for_f32(isa, sequence.keys, width);
    let keys = PackedWeightsView::pack_rows(isa, shape, |key| part(key, 1), scale, scratch.keys);
    gemm_on_this_thread(&*scratch.queries, keys, Epilogue::default(), scratch.weights);
    softmax_rows(isa, scratch.weights, sequence.keys);
    let shape = PackedLayout::for_f32(isa, width, sequence.keys);
    let values = PackedWeightsView::pack_columns(isa, shape, |key| part(key, 2), scratch.values);
    gemm_on_this_thread(&*scratch.weights, values, Epilogue::default(), scratch.context);
    (scratch.context, scratch.weights)
}

#[cfg(test)]
mod tests;
