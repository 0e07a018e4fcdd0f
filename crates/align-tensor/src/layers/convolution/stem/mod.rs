//! The stem: a 3 x 3 convolution of stride 2 from the NCHW image to an NHWC map.
//!
//! `out[y, x] = act(bias + sum over c, ky, kx of image[c, 2y + ky, 2x + kx] * weights[c, ky, kx])`
//! where the image has one row of zeros below and one column of zeros to the right.
//!
//! A row of outputs is gathered into `im2col` rows of `channels * 9` values and multiplied as a
//! matrix: with so few channels the gathering costs little beside the 64 outputs.

use crate::cpu::Isa;
use crate::gemm::{Epilogue, PackedWeights, gemm_on_this_thread};
use crate::math::activation::Activation;
use crate::number::sizes::product;
use crate::threads::Team;

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
    /// Where the sizes do not agree.
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

    /// The outputs along a side of `len` inputs: none where the kernel does not fit.
    pub fn output_len(len: usize) -> usize {
        if len < KERNEL - 1 { 0 } else { (len - (KERNEL - 1)) / STRIDE + 1 }
    }

    /// The floating-point operations for an image of `height` x `width`, two for each product.
    pub fn flops(&self, height: usize, width: usize) -> usize {
        2 * Self::output_len(height) * Self::output_len(width) * self.weights.k() * self.channels()
    }

    /// The scratch that each worker needs for images `width` wide.
    pub fn scratch_len(&self, width: usize) -> usize {
        Self::output_len(width) * self.weights.k()
    }

    /// Runs on one `image [inputs, height, width]`; writes `out [out_height, out_width,
    /// channels]`.
    ///
    /// # Panics
    /// Where the sizes do not agree, or `scratch` does not hold
    /// [`scratch_len`](Self::scratch_len) for every worker.
    pub fn run(
        &self,
        team: &Team<'_>,
        image: &[f32],
        (height, width): (usize, usize),
        scratch: &mut [f32],
        out: &mut [f32],
    ) {
        assert_eq!(image.len(), product([self.inputs, height, width]), "image");
        let out_height = Self::output_len(height);
        let out_row = product([Self::output_len(width), self.channels()]);
        assert_eq!(out.len(), product([out_height, out_row]), "out");
        if out.is_empty() {
            return;
        }
        let len = self.scratch_len(width);
        team.run_chunks_with_scratch(out, out_row, scratch, len, |y, out, gathered| {
            self.gather(image, (height, width), y, gathered);
            let epilogue = Epilogue::default().bias(&self.bias).activation(self.activation);
            gemm_on_this_thread(&*gathered, &self.weights, epilogue, out);
        });
    }

    /// Writes the `im2col` rows of output row `y`: for each output pixel, the values under the
    /// kernel by channel, kernel row and kernel column.
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
