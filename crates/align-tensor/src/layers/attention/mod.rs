//! Multi-head self-attention over ragged sequences.
//!
//! For each sequence and head: `softmax(scale * Q K^T) V`. `Q`, `K` and `V` are side by side in the
//! rows of one array, which is the output of one product with the three weights. Sequences follow
//! one another without padding. A sequence's first rows are its keys and values; its other rows are
//! queries only.
//!
//! A task is one head of one sequence. Its keys and values are packed like weights, so both products
//! are ordinary ones, and all of its data stays in the caches.

use crate::cpu::Isa;
use crate::cpu::simd::prefetch;
use crate::forward::Forward;
use crate::gemm::packing::layout::PackedLayout;
use crate::gemm::{Epilogue, PackedWeightsView, SharedOutput, gemm_on_this_thread};
use crate::layers::softmax::softmax_rows;
use crate::memory::{ArenaSize, LINE, round_up_to_line};
use crate::number::NumbersMut;
use crate::number::sizes::product;
use crate::threads::{DisjointMut, Rectangle};
use std::ops::Range;

/// One sequence of a ragged batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The rows of the sequence in the batch.
    pub rows: Range<usize>,
    /// Number of leading rows that are keys and values.
    pub keys: usize,
    /// Range of query rows, relative to the first row of the sequence. Only these are computed.
    pub queries: Range<usize>,
    /// Whether all keys have the same weight, whatever finite values they hold. The additive mask of
    /// the original has this effect if all of a sequence is padding.
    pub uniform: bool,
}

/// The heads of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// The number of heads.
    pub count: usize,
    /// The width of one head.
    pub width: usize,
}

impl Heads {
    /// The width of all heads together.
    pub fn hidden(self) -> usize {
        self.count * self.width
    }

    /// The floating-point operations for these sequences: two for each product.
    pub fn flops(self, sequences: &[Sequence]) -> usize {
        sequences.iter().map(|s| 4 * s.queries.len() * s.keys * self.hidden()).sum()
    }

    /// The arena space that [`attention`] takes for sequences of at most `rows` rows.
    pub fn arena_size(self, isa: Isa, workers: usize, rows: usize) -> ArenaSize {
        ArenaSize::for_array::<f32>(workers * self.scratch_len(isa, rows))
    }

    /// The scratch that each worker needs for a sequence of at most `rows` rows.
    fn scratch_len(self, isa: Isa, rows: usize) -> usize {
        Scratch::sizes(isa, self, rows, rows).into_iter().map(round_up_to_line).sum()
    }
}

/// The operands of [`attention`].
#[derive(Debug)]
pub struct Attention<'a> {
    /// The heads.
    pub heads: Heads,
    /// The sequences, whose rows may overlap.
    pub sequences: &'a [Sequence],
    /// Queries, keys and values: `[rows, 3 * hidden]`.
    pub qkv: &'a [f32],
    /// The output: the contexts of the queries of all sequences, one after another, rounded to the
    /// output's format. `[queries, hidden]`.
    pub out: NumbersMut<'a>,
    /// The attention weights, if they are needed: for each sequence `[heads, queries, keys]`, one
    /// after another.
    pub attentions: Option<&'a mut [f32]>,
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
/// # Panics
/// If the sizes do not agree, a sequence has no key, or the arena has less space than
/// [`Heads::arena_size`] for the longest sequence.
pub fn attention(forward: &mut Forward<'_>, isa: Isa, operands: Attention<'_>) {
    let Attention { heads, sequences, qkv, out, attentions } = operands;
    let hidden = product([heads.count, heads.width]);
    assert!(hidden > 0, "heads of some width");
    let mut places = Vec::with_capacity(sequences.len());
    let (mut out_rows, mut weights_len, mut longest) = (0, 0, 0);
    for sequence in sequences {
        let rows = sequence.rows.len();
        assert!(product([sequence.rows.end, 3, hidden]) <= qkv.len(), "rows of qkv");
        assert!((1..=rows).contains(&sequence.keys) && sequence.queries.end <= rows);
        places.push((out_rows, weights_len));
        // A row may be in many sequences, so the sums are not bounded by the rows of `qkv`.
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
    let mut forward = forward.reborrow();
    let team = forward.team();
    let scratch_len = heads.scratch_len(isa, longest);
    let scratch = forward.take(product([team.workers(), scratch_len]));
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
        let (part, rest) = qkv[start..].split_at(width);
        // Rows are far apart, so the CPU does not prefetch them by itself. The part of the next head
        // follows this one.
        for line in (0..width).step_by(LINE) {
            prefetch(rest.as_ptr().wrapping_add(line));
        }
        part
    };
    for (slot, row) in scratch.queries.chunks_exact_mut(width).zip(sequence.queries.clone()) {
        slot.copy_from_slice(part(row, 0));
    }
    // The keys are scaled, since there are never more keys than queries in a full attention.
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
