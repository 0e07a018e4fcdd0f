//! The shapes of align-base: EfficientNet-B7 at 289 pixels and BERT-base.

use align_efficientnet::{AlignVisionConfig, BlockConfig};
use align_tensor::{DepthwiseGeometry, Stem};

/// Pixels along a side of an image.
const SIDE: usize = 289;

/// A matrix product `[m, k] * [n, k]^T`.
pub struct GemmShape {
    /// The name of its place in the model.
    pub name: String,
    /// Number of pixels or tokens.
    pub m: usize,
    /// Number of outputs.
    pub n: usize,
    /// Number of inputs.
    pub k: usize,
}

impl GemmShape {
    /// Number of floating-point operations: a multiplication and an addition for each product.
    pub fn flops(&self) -> usize {
        2 * self.m * self.n * self.k
    }

    /// Returns the expansion and the projection of the last block of each stage, for one image.
    pub fn of_vision() -> Vec<Self> {
        let mut shapes = Vec::new();
        for shape in ConvolutionShape::of_stages() {
            let ConvolutionShape { stage, side, block } = &shape;
            let (inner, out) = (block.expanded_channels, shape.out_side().pow(2));
            if block.expand {
                let name = format!("stage {stage} expand");
                shapes.push(Self { name, m: side * side, n: inner, k: block.in_channels });
            }
            let name = format!("stage {stage} project");
            shapes.push(Self { name, m: out, n: block.out_channels, k: inner });
        }
        shapes
    }

    /// Returns the products of a BERT layer, for 16, 128 and 1024 tokens.
    pub fn of_text() -> Vec<Self> {
        const HIDDEN: usize = 768;
        let layer = [
            ("qkv", 3 * HIDDEN, HIDDEN),
            ("attention output", HIDDEN, HIDDEN),
            ("intermediate", 4 * HIDDEN, HIDDEN),
            ("output", HIDDEN, 4 * HIDDEN),
        ];
        let of_tokens = |m| layer.map(|(name, n, k)| Self { name: format!("{name} {m}"), m, n, k });
        [16, 128, 1024].into_iter().flat_map(of_tokens).collect()
    }
}

/// The first half of a block on one image.
pub struct ConvolutionShape {
    /// The number of the stage, counted from 1.
    pub stage: usize,
    /// Pixels along a side of the input.
    pub side: usize,
    /// Channels, kernel size and stride.
    pub block: BlockConfig,
}

impl ConvolutionShape {
    /// Returns the last block of each stage. All blocks of a stage but the first have the same shape.
    pub fn of_stages() -> Vec<Self> {
        let config = AlignVisionConfig::default();
        let mut blocks = config.blocks().into_iter();
        let mut side = Stem::output_len(SIDE);
        let mut shapes = Vec::new();
        for (stage, &repeats) in config.num_block_repeats.iter().enumerate() {
            for repeat in 1..=config.round_repeats(repeats) {
                let block = blocks.next().expect("a block for each repeat");
                let shape = Self { stage: stage + 1, side, block };
                side = shape.out_side();
                if repeat == config.round_repeats(repeats) {
                    shapes.push(shape);
                }
            }
        }
        shapes
    }

    /// Returns kernel size, stride and padding.
    pub fn geometry(&self) -> DepthwiseGeometry {
        let (kernel, stride) = (self.block.kernel_size, self.block.stride);
        let half = kernel / 2;
        DepthwiseGeometry { kernel, stride, before: half + 1 - stride, after: half }
    }

    /// Pixels along a side of the output.
    pub fn out_side(&self) -> usize {
        self.geometry().output_len(self.side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_shrink_as_those_of_align_base() {
        let shapes = ConvolutionShape::of_stages();
        let sides: Vec<_> = shapes.iter().map(ConvolutionShape::out_side).collect();
        assert_eq!(sides, [144, 72, 36, 18, 18, 9, 9]);
        let last = &shapes[6].block;
        assert_eq!((last.in_channels, last.expanded_channels, last.out_channels), (640, 3840, 640));
    }
}
