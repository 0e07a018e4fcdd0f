//! Sizes of the synthetic models: the numbers of their `config.json` as constants.

/// One stage of the vision tower. Channels are those at width 1.
pub(super) struct Stage {
    pub(super) kernel: usize,
    pub(super) in_channels: usize,
    pub(super) out_channels: usize,
    pub(super) repeats: usize,
    pub(super) expand_ratio: usize,
}

/// The sizes of both towers.
pub(super) struct Shape {
    pub(super) image_channels: usize,
    pub(super) width: f64,
    pub(super) depth: f64,
    pub(super) divisor: usize,
    pub(super) squeeze_ratio: f64,
    pub(super) stages: [Stage; 7],
    pub(super) vocabulary: usize,
    pub(super) hidden: usize,
    pub(super) layers: usize,
    pub(super) intermediate: usize,
    pub(super) positions: usize,
    pub(super) token_types: usize,
    pub(super) projection: usize,
}

impl Shape {
    /// Channels at this width, by EfficientNet's rounding: a multiple of the divisor, and not below
    /// 90 % of `channels * width`.
    pub(super) fn round_filters(&self, channels: usize) -> usize {
        let wanted = channels as f64 * self.width;
        let rounded = (wanted + self.divisor as f64 / 2.0) as usize / self.divisor * self.divisor;
        let channels = rounded.max(self.divisor);
        if (channels as f64) < 0.9 * wanted { channels + self.divisor } else { channels }
    }

    /// Blocks of a stage at this depth.
    pub(super) fn round_repeats(&self, repeats: usize) -> usize {
        (self.depth * repeats as f64).ceil() as usize
    }
}

/// EfficientNet's stages: kernel, channels in, channels out, repeats, expansion.
const STAGES: [Stage; 7] = [
    stage(3, 32, 16, 1, 1),
    stage(3, 16, 24, 2, 6),
    stage(5, 24, 40, 2, 6),
    stage(3, 40, 80, 3, 6),
    stage(5, 80, 112, 3, 6),
    stage(5, 112, 192, 4, 6),
    stage(3, 192, 320, 1, 6),
];

const fn stage(
    kernel: usize,
    in_channels: usize,
    out_channels: usize,
    repeats: usize,
    expand_ratio: usize,
) -> Stage {
    Stage { kernel, in_channels, out_channels, repeats, expand_ratio }
}

/// The published align-base.
pub(super) const ALIGN_BASE: Shape = Shape {
    image_channels: 3,
    width: 2.0,
    depth: 3.1,
    divisor: 8,
    squeeze_ratio: 0.25,
    stages: STAGES,
    vocabulary: 30522,
    hidden: 768,
    layers: 12,
    intermediate: 3072,
    positions: 512,
    token_types: 2,
    projection: 640,
};

/// A small model of the same structure.
pub(super) const TINY: Shape = Shape {
    width: 0.5,
    depth: 1.0,
    vocabulary: 4096,
    hidden: 96,
    layers: 2,
    intermediate: 384,
    positions: 128,
    projection: 160,
    ..ALIGN_BASE
};
