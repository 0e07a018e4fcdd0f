//! The stem: a 3 x 3 convolution of stride 2 from the NCHW image to an NHWC map.
//!
//! `out[y, x] = act(bias + sum over c, ky, kx of image[c, 2y + ky, 2x + kx] * weights[c, ky, kx])`
//!
//! The image is padded by one row of zeros below and one column of zeros to the right.
//!
//! A row of outputs is gathered into `im2col` rows of `channels * 9` values and multiplied as a
//! matrix. With three channels, gathering costs little next to the 64 outputs of the product.

use crate::cpu::Isa;
use crate::forward::Forward;
use crate::gemm::{Epilogue, PackedWeights, gemm_on_this_thread};
use crate::math::activation::Activation;
use crate::memory::ArenaSize;
use crate::number::sizes::product;

const KERNEL: usize = 3;
const STRIDE: usize = 2;

/// The stem convolution, its weights packed.
#[derive(Clone, Debug)]
pub struct Stem {
    weights: PackedWeights,
    bias: Vec<f32>,
    activation: Activation,
    inputs: usize,
}

impl Stem {
    /// `weights [channels, inputs, 3, 3]` and `bias [channels]`, batch norm folded in.
    ///
    /// # Panics
    /// If the sizes do not agree.
    pub fn new(
        isa: Isa,
        weights: &[f32],
        bias: Vec<f32>,
        inputs: usize,
        activation: Activation,
    ) -> Self {
        let weights = PackedWeights::pack(isa, weights, bias.len(), inputs * KERNEL * KERNEL);
        Self { weights, bias, activation, inputs }
    }

    /// Channels of the output.
    pub fn channels(&self) -> usize {
        self.bias.len()
    }

    /// The outputs along a side of `len` inputs: zero if the kernel does not fit.
    pub fn output_len(len: usize) -> usize {
        if len < KERNEL - 1 { 0 } else { (len - (KERNEL - 1)) / STRIDE + 1 }
    }

    /// The floating-point operations for an image of `height` x `width`: two for each product.
    pub fn flops(&self, height: usize, width: usize) -> usize {
        2 * Self::output_len(height) * Self::output_len(width) * self.weights.k() * self.channels()
    }

    /// The arena space that [`run`](Self::run) takes for images of this width.
    pub fn arena_size(&self, workers: usize, width: usize) -> ArenaSize {
        ArenaSize::for_array::<f32>(product([workers, self.scratch_len(width)]))
    }

    /// The scratch that each worker needs for images of this width.
    fn scratch_len(&self, width: usize) -> usize {
        Self::output_len(width) * self.weights.k()
    }

    /// Runs on one `image [inputs, height, width]`. Writes `out [out_height, out_width, channels]`.
    ///
    /// # Panics
    /// If the sizes do not agree, or the arena has less space than
    /// [`arena_size`](Self::arena_size).
    pub fn run(
        &self,
        forward: &mut Forward<'_>,
        image: &[f32],
        (height, width): (usize, usize),
        out: &mut [f32],
    ) {
        assert_eq!(image.len(), product([self.inputs, height, width]), "image");
        let out_height = Self::output_len(height);
        let out_row = product([Self::output_len(width), self.channels()]);
        assert_eq!(out.len(), product([out_height, out_row]), "out");
        if out.is_empty() {
            return;
        }
        let mut forward = forward.reborrow();
        let team = forward.team();
        let len = self.scratch_len(width);
        let scratch = forward.take(product([team.workers(), len]));
        team.run_chunks_with_scratch(out, out_row, scratch, len, |y, out, gathered| {
            self.gather(image, (height, width), y, gathered);
            let epilogue = Epilogue::default().bias(&self.bias).activation(self.activation);
            gemm_on_this_thread(&*gathered, &self.weights, epilogue, out);
        });
    }

    /// Writes the `im2col` rows of output row `y`. For each output pixel, they hold the values under
    /// the kernel by channel, kernel row and kernel column.
    fn gather(
        &self,
        image: &[f32],
        (height, width): (usize, usize),
        y: usize,
        gathered: &mut [f32],
    ) {
        let k = self.weights.k();
        for c in 0..self.inputs {
            for ky in 0..KERNEL {
                let row = STRIDE * y + ky;
                let slot = (c * KERNEL + ky) * KERNEL;
                let pixels = gathered.chunks_exact_mut(k).map(|pixel| &mut pixel[slot..][..KERNEL]);
                if row == height {
                    pixels.for_each(|pixel| pixel.fill(0.0));
                    continue;
                }
                let row = &image[(c * height + row) * width..][..width];
                for (x, pixel) in pixels.enumerate() {
                    let from = &row[STRIDE * x..width.min(STRIDE * x + KERNEL)];
                    pixel[..from.len()].copy_from_slice(from);
                    pixel[from.len()..].fill(0.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
