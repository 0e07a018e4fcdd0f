//! A row of a depthwise convolution, before its activation.
//!
//! `out[x] = bias + sum over ky, kx of rows[ky][x * stride + kx] * weights[ky][kx]` for the channels
//! of one vector. The layout is NHWC: a pixel's channels are next to each other. Rows include their
//! padding.
//!
//! Up to nine neighbouring outputs are kept in registers, since the width of every map of align-base
//! is a multiple of nine. For each kernel row, the weights are loaded once, and then each input pixel
//! once, for all outputs that it contributes to.

use crate::cpu::simd::{MAX_LANES, Op, Simd};
use crate::number::sizes::piece;

/// The largest number of neighbouring outputs that are computed together: a run.
const MAX_RUN: usize = 9;

/// The width of runs: the outputs that fit in registers, next to a kernel row and an input.
const fn max_run<S: Simd>(kernel: usize) -> usize {
    let free = S::REGISTERS.saturating_sub(kernel + 1);
    if free < 2 {
        2
    } else if free < MAX_RUN {
        free
    } else {
        MAX_RUN
    }
}

/// A row to compute.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// For each kernel row, the first input pixel under it, or null if that row is outside of the
    /// image.
    pub(super) inputs: &'a [*const f32],
    /// Values from one input pixel to the next.
    pub(super) input_pitch: usize,
    /// The weights of the first tap.
    pub(super) weights: *const f32,
    /// Values from one tap's weights to the next.
    pub(super) weight_pitch: usize,
    /// The side of the kernel: the length of `inputs`.
    pub(super) kernel: usize,
    /// 1 or 2.
    pub(super) stride: usize,
    /// A vector for each output pixel.
    pub(super) out: *mut f32,
    /// Output pixels.
    pub(super) width: usize,
}

impl Row<'_> {
    /// Computes the row.
    ///
    /// # Safety
    /// - Every input that is not null must be valid for reads of a vector at each of
    ///   `(width - 1) * stride + kernel` pixels; `inputs` has `kernel` entries.
    /// - `weights` must be valid for reads of a vector at each of `kernel * kernel` taps.
    /// - `out` must be valid for writes of `width` vectors.
    #[inline(always)]
    pub(super) unsafe fn compute<S: Simd>(self, s: S, bias: S::V) {
        let mut lanes = [0.0; MAX_LANES];
        s.store_slice(&mut lanes, bias);
        // The code is the same for every activation, so it is called and not inlined.
        s.outline(CheckedRow { row: self, bias: &lanes });
    }
}

/// A [`Row`] whose creator fulfils the duties of [`Row::compute`].
struct CheckedRow<'a> {
    row: Row<'a>,
    /// The bias of each lane: a vector cannot cross into another function in registers.
    bias: &'a [f32],
}

impl Op for CheckedRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { row, bias } = self;
        let bias = s.load_slice(bias);
        // SAFETY: only `Row::compute` creates this type, and its duties are those of these functions.
        // `K` and `STRIDE` are the row's.
        unsafe {
            match (row.kernel, row.stride) {
                (3, 1) => row_of::<S, 3, 1>(s, bias, &row),
                (3, 2) => row_of::<S, 3, 2>(s, bias, &row),
                (5, 1) => row_of::<S, 5, 1>(s, bias, &row),
                (5, 2) => row_of::<S, 5, 2>(s, bias, &row),
                _ => row_of_any(s, bias, &row),
            }
        }
    }
}

/// A row for a kernel whose rows of weights stay in registers.
///
/// # Safety
/// As for [`Row::compute`], with `kernel` `K` and `stride` `STRIDE`.
#[inline(always)]
unsafe fn row_of<S: Simd, const K: usize, const STRIDE: usize>(s: S, bias: S::V, row: &Row<'_>) {
    let runs = row.width.div_ceil(max_run::<S>(K));
    for run in 0..runs {
        let run = piece(row.width, run, runs);
        macro_rules! by_width {
            ($($width:literal)*) => {
                match run.len() {
                    // SAFETY: the caller's duties; the run is within the row.
                    $($width if $width <= max_run::<S>(K) => unsafe {
                        run_of::<S, K, STRIDE, $width>(s, bias, row, run.start)
                    },)*
                    _ => unreachable!("runs are between 1 and {MAX_RUN} wide"),
                }
            };
        }
        by_width!(1 2 3 4 5 6 7 8 9);
    }
}

/// `RUN` neighbouring outputs from `start` on.
///
/// # Safety
/// As for [`row_of`], with `start + RUN <= width`.
#[inline(always)]
unsafe fn run_of<S: Simd, const K: usize, const STRIDE: usize, const RUN: usize>(
    s: S,
    bias: S::V,
    row: &Row<'_>,
    start: usize,
) {
    let mut acc = [bias; RUN];
    for (ky, &input) in row.inputs.iter().enumerate() {
        if input.is_null() {
            continue;
        }
        // SAFETY: tap `ky * K + kx` is one of `K * K`.
        let weights: [S::V; K] = std::array::from_fn(|kx| unsafe {
            s.load(row.weights.add((ky * K + kx) * row.weight_pitch))
        });
        // SAFETY: the first pixel of the run is within the row's inputs.
        let input = unsafe { input.add(start * STRIDE * row.input_pitch) };
        for x in 0..(RUN - 1) * STRIDE + K {
            // SAFETY: `start * STRIDE + x` is below `(width - 1) * STRIDE + K`.
            let pixel = unsafe { s.load(input.add(x * row.input_pitch)) };
            for (kx, &weight) in weights.iter().enumerate() {
                // Output `o` reads this pixel through tap `kx` if `o * STRIDE + kx == x`.
                if x >= kx && (x - kx).is_multiple_of(STRIDE) && (x - kx) / STRIDE < RUN {
                    let acc = &mut acc[(x - kx) / STRIDE];
                    *acc = s.mul_add(pixel, weight, *acc);
                }
            }
        }
    }
    for (x, acc) in acc.into_iter().enumerate() {
        // SAFETY: `start + x` is below the row's width.
        unsafe { s.store(row.out.add((start + x) * S::LANES), acc) };
    }
}

/// A row for any kernel: one output at a time.
///
/// # Safety
/// As for [`Row::compute`].
#[inline(always)]
unsafe fn row_of_any<S: Simd>(s: S, bias: S::V, row: &Row<'_>) {
    for x in 0..row.width {
        let mut acc = bias;
        for (ky, &input) in row.inputs.iter().enumerate() {
            if input.is_null() {
                continue;
            }
            for kx in 0..row.kernel {
                // SAFETY: the pixel and the tap are within the ranges that the caller guarantees.
                unsafe {
                    let pixel = s.load(input.add((x * row.stride + kx) * row.input_pitch));
                    let tap = (ky * row.kernel + kx) * row.weight_pitch;
                    acc = s.mul_add(pixel, s.load(row.weights.add(tap)), acc);
                }
            }
        }
        // SAFETY: `x` is below the row's width.
        unsafe { s.store(row.out.add(x * S::LANES), acc) };
    }
}
