//! The configuration of the vision tower, and the blocks that follow from it.

use align_tensor::config::{
    ConfigError, ConfigFile, MAX_LAYERS, MAX_PARAMETERS, MAX_WIDTH, in_range, known_activation,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// The configuration of the vision tower: `vision_config` of a `config.json`, or the whole file of a
/// vision tower that was saved alone.
///
/// A missing field has the default of `AlignVisionConfig` in transformers. Fields that do not affect
/// inference are ignored. One of them is `num_hidden_layers`, which is wrong in old files.
///
/// The lists have one entry for each stage, before scaling by width and depth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, tag = "model_type", rename = "align_vision_model")]
pub struct AlignVisionConfig {
    /// Channels of the image. Default 3.
    pub num_channels: usize,
    /// The image size of training. Default 600. The tower accepts other sizes too.
    pub image_size: ImageSize,
    /// Scale of every width. Default 2.0.
    pub width_coefficient: f64,
    /// Scale of every number of repeats. Default 3.1.
    pub depth_coefficient: f64,
    /// Widths are multiples of this. Default 8.
    pub depth_divisor: usize,
    /// Side of the depthwise kernel. Default 3, 3, 5, 3, 5, 5, 3.
    pub kernel_sizes: Vec<usize>,
    /// Channels in. Default 32, 16, 24, 40, 80, 112, 192.
    pub in_channels: Vec<usize>,
    /// Channels out. Default 16, 24, 40, 80, 112, 192, 320.
    pub out_channels: Vec<usize>,
    /// Indices of the blocks (over all stages) that pad evenly on every side. Default none.
    pub depthwise_padding: Vec<usize>,
    /// Stride of the first block. Default 1, 2, 2, 2, 1, 2, 1.
    pub strides: Vec<usize>,
    /// Number of blocks. Default 1, 2, 2, 3, 3, 4, 1.
    pub num_block_repeats: Vec<usize>,
    /// Width inside a block over its width. Default 1, 6, 6, 6, 6, 6, 6.
    pub expand_ratios: Vec<usize>,
    /// Width of the squeeze-excite bottleneck over the width of the block's input. Default 0.25.
    pub squeeze_expansion_ratio: f64,
    /// Activation, by its name in transformers. Default `swish`.
    pub hidden_act: String,
    /// The largest side of a map that the pooler accepts. Default 2560.
    pub hidden_dim: usize,
    /// The pooling of the last map. Default `mean`.
    pub pooling_type: PoolingType,
    /// Added to the variance in every batch normalisation. Default 1e-3.
    pub batch_norm_eps: f64,
}

/// The pooling of the last map to a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolingType {
    /// The mean over height and width.
    Mean,
    /// The maximum over height and width.
    Max,
}

/// An image's size in pixels. In JSON it is one number for a square, else a list of height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// The sizes of one block, after scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockConfig {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels between expansion and projection: those of the input if there is no expansion.
    pub expanded_channels: usize,
    /// Channels of the squeeze-excite bottleneck.
    pub squeeze_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Side of the depthwise kernel.
    pub kernel_size: usize,
    /// Stride of the depthwise convolution: 1 or 2.
    pub stride: usize,
    /// Whether the block has an expansion, that is a ratio other than 1.
    pub expand: bool,
    /// Whether a depthwise convolution of stride 2 pads evenly. Else it pads one less at the left and
    /// the top.
    pub even_padding: bool,
    /// Whether the input is added to the output. This is so in every block of a stage except the
    /// first.
    pub residual: bool,
}

impl Default for AlignVisionConfig {
    fn default() -> Self {
        Self {
            num_channels: 3,
            image_size: ImageSize { height: 600, width: 600 },
            width_coefficient: 2.0,
            depth_coefficient: 3.1,
            depth_divisor: 8,
            kernel_sizes: vec![3, 3, 5, 3, 5, 5, 3],
            in_channels: vec![32, 16, 24, 40, 80, 112, 192],
            out_channels: vec![16, 24, 40, 80, 112, 192, 320],
            depthwise_padding: vec![],
            strides: vec![1, 2, 2, 2, 1, 2, 1],
            num_block_repeats: vec![1, 2, 2, 3, 3, 4, 1],
            expand_ratios: vec![1, 6, 6, 6, 6, 6, 6],
            squeeze_expansion_ratio: 0.25,
            hidden_act: "swish".to_owned(),
            hidden_dim: 2560,
            pooling_type: PoolingType::Mean,
            batch_norm_eps: 1e-3,
        }
    }
}

impl AlignVisionConfig {
    /// Reads `config.json` in `folder`: that of a whole ALIGN model or of a vision tower alone.
    ///
    /// # Errors
    /// If the file cannot be read, or [`validate`](Self::validate) rejects a field.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self, ConfigError> {
        ConfigFile::open(folder)?.read_tower("vision_config", "align_vision_model", Self::validate)
    }

    /// Scales a width and rounds it to the nearest positive multiple of `depth_divisor`. It is rounded
    /// up if the nearest multiple is smaller by more than a tenth. This is the rule of EfficientNet.
    pub fn round_filters(&self, channels: usize) -> usize {
        let divisor = self.depth_divisor;
        let scaled = channels as f64 * self.width_coefficient;
        // A cast saturates, so a width that is out of bounds stays out of bounds and is rejected.
        let nearest = (scaled + divisor as f64 / 2.0) as usize / divisor * divisor;
        let rounded = nearest.max(divisor);
        if (rounded as f64) < 0.9 * scaled { rounded.saturating_add(divisor) } else { rounded }
    }

    /// Scales a number of repeats and rounds it up.
    pub fn round_repeats(&self, repeats: usize) -> usize {
        (self.depth_coefficient * repeats as f64).ceil() as usize
    }

    /// Channels of the stem's output.
    pub fn stem_channels(&self) -> usize {
        const STEM_FILTERS: usize = 32;
        self.round_filters(STEM_FILTERS)
    }

    /// Width of the embedding: channels of the last block's output. Zero if there is no stage.
    pub fn embedding_size(&self) -> usize {
        self.out_channels.last().map_or(0, |&c| self.round_filters(c))
    }

    /// All blocks in order. The configuration must be valid.
    pub fn blocks(&self) -> Vec<BlockConfig> {
        let mut blocks = Vec::new();
        for stage in 0..self.in_channels.len() {
            let out_channels = self.round_filters(self.out_channels[stage]);
            for repeat in 0..self.round_repeats(self.num_block_repeats[stage]) {
                let first = repeat == 0;
                let in_channels =
                    if first { self.round_filters(self.in_channels[stage]) } else { out_channels };
                let ratio = self.expand_ratios[stage];
                blocks.push(BlockConfig {
                    in_channels,
                    expanded_channels: in_channels * ratio,
                    squeeze_channels: self.squeeze_channels(in_channels),
                    out_channels,
                    kernel_size: self.kernel_sizes[stage],
                    stride: if first { self.strides[stage] } else { 1 },
                    expand: ratio != 1,
                    even_padding: self.depthwise_padding.contains(&blocks.len()),
                    residual: !first,
                });
            }
        }
        blocks
    }

    fn squeeze_channels(&self, in_channels: usize) -> usize {
        ((in_channels as f64 * self.squeeze_expansion_ratio) as usize).max(1)
    }

    /// Number of parameters, without the running statistics of batch normalisation. The configuration
    /// must be valid.
    pub fn parameters(&self) -> u64 {
        let stem = self.num_channels * 9 * self.stem_channels() + 2 * self.stem_channels();
        stem as u64 + self.blocks().iter().map(BlockConfig::parameters).sum::<u64>()
    }

    /// Checks every field, before a size is used to allocate or to divide.
    ///
    /// # Errors
    /// [`ConfigError::Field`] for the first field with an invalid value.
    pub fn validate(&self) -> Result<(), ConfigError> {
        const MAX_COEFFICIENT: f64 = 1000.0;
        let coefficient = |field, value: f64| in_range(field, value, 1e-6..=MAX_COEFFICIENT);
        in_range("num_channels", self.num_channels, 1..=MAX_WIDTH)?;
        in_range("image_size", self.image_size.height, 1..=MAX_WIDTH)?;
        in_range("image_size", self.image_size.width, 1..=MAX_WIDTH)?;
        coefficient("width_coefficient", self.width_coefficient)?;
        coefficient("depth_coefficient", self.depth_coefficient)?;
        in_range("depth_divisor", self.depth_divisor, 1..=MAX_WIDTH)?;
        in_range("squeeze_expansion_ratio", self.squeeze_expansion_ratio, 0.0..=1.0)?;
        in_range("hidden_dim", self.hidden_dim, 1..=MAX_WIDTH)?;
        in_range("batch_norm_eps", self.batch_norm_eps, 0.0..=1.0)?;
        known_activation("hidden_act", &self.hidden_act)?;
        self.validate_lists()?;
        self.validate_widths()?;
        in_range("number of parameters", self.parameters(), 1..=MAX_PARAMETERS)
    }

    fn validate_lists(&self) -> Result<(), ConfigError> {
        const MAX_RATIO: usize = 64;
        let stages = self.in_channels.len();
        in_range("number of stages (in_channels)", stages, 1..=MAX_LAYERS)?;
        let lists = [
            ("out_channels", &self.out_channels),
            ("kernel_sizes", &self.kernel_sizes),
            ("strides", &self.strides),
            ("num_block_repeats", &self.num_block_repeats),
            ("expand_ratios", &self.expand_ratios),
        ];
        for (field, list) in lists {
            if list.len() != stages {
                let expected = format!("{stages} numbers, as many as in_channels");
                return Err(ConfigError::field(field, expected, list.len()));
            }
        }
        each("in_channels", &self.in_channels, &(1..=MAX_WIDTH))?;
        each("out_channels", &self.out_channels, &(1..=MAX_WIDTH))?;
        each("num_block_repeats", &self.num_block_repeats, &(1..=MAX_LAYERS))?;
        each("expand_ratios", &self.expand_ratios, &(1..=MAX_RATIO))?;
        each("strides", &self.strides, &(1..=2))?;
        for (i, &side) in self.kernel_sizes.iter().enumerate() {
            // An even kernel has no middle, so "same" padding would shift the image. A kernel of one
            // would have negative padding at stride 2.
            if !(3..=31).contains(&side) || side % 2 == 0 {
                let field = format!("kernel_sizes[{i}]");
                return Err(ConfigError::field(&field, "an odd number from 3 to 31", side));
            }
        }
        Ok(())
    }

    /// Checks the widths and the depth after scaling, and that the input channels of each stage are
    /// the output channels of the previous one.
    fn validate_widths(&self) -> Result<(), ConfigError> {
        let mut width = self.stem_channels();
        let mut depth = 0_usize;
        for stage in 0..self.in_channels.len() {
            let found = self.round_filters(self.in_channels[stage]);
            if found != width {
                let expected = format!("{width} channels after scaling, the width of the input");
                return Err(ConfigError::field(&format!("in_channels[{stage}]"), expected, found));
            }
            width = self.round_filters(self.out_channels[stage]);
            for (name, value) in [("in_channels", found), ("out_channels", width)] {
                let field = format!("{name}[{stage}] after scaling");
                in_range(&field, value, 1..=MAX_WIDTH)?;
            }
            depth = depth.saturating_add(self.round_repeats(self.num_block_repeats[stage]));
        }
        in_range("number of blocks after scaling", depth, 1..=MAX_LAYERS)
    }
}

fn each(
    field: &str,
    list: &[usize],
    range: &std::ops::RangeInclusive<usize>,
) -> Result<(), ConfigError> {
    list.iter()
        .enumerate()
        .try_for_each(|(i, &value)| in_range(&format!("{field}[{i}]"), value, range.clone()))
}

impl BlockConfig {
    fn parameters(&self) -> u64 {
        let [input, inner, squeezed, output, side] = [
            self.in_channels,
            self.expanded_channels,
            self.squeeze_channels,
            self.out_channels,
            self.kernel_size,
        ]
        .map(|n| n as u64);
        let expansion = if self.expand { input * inner + 2 * inner } else { 0 };
        let depthwise = inner * side * side + 2 * inner;
        let squeeze_excite = 2 * inner * squeezed + squeezed + inner;
        let projection = inner * output + 2 * output;
        expansion + depthwise + squeeze_excite + projection
    }
}

impl Serialize for ImageSize {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.height == self.width {
            self.height.serialize(serializer)
        } else {
            [self.height, self.width].serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for ImageSize {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ImageSizeVisitor)
    }
}

struct ImageSizeVisitor;

impl<'de> serde::de::Visitor<'de> for ImageSizeVisitor {
    type Value = ImageSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size in pixels, or a list of height and width")
    }

    fn visit_u64<E: serde::de::Error>(self, side: u64) -> Result<ImageSize, E> {
        let side = usize::try_from(side)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(side), &self))?;
        Ok(ImageSize { height: side, width: side })
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<ImageSize, A::Error> {
        let list = serde::de::value::SeqAccessDeserializer::new(list);
        let [height, width] = Deserialize::deserialize(list)?;
        Ok(ImageSize { height, width })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// align-base differs from the defaults in these two fields.
    fn align_base() -> AlignVisionConfig {
        serde_json::from_value(json!({"image_size": 289, "hidden_dim": 640})).unwrap()
    }

    #[test]
    fn align_base_has_its_blocks_and_parameters() {
        let config = align_base();
        config.validate().unwrap();
        assert_eq!(config.parameters(), 62_143_440);
        assert_eq!((config.stem_channels(), config.embedding_size()), (64, 640));
        let repeats: Vec<_> =
            config.num_block_repeats.iter().map(|&r| config.round_repeats(r)).collect();
        assert_eq!(repeats, [4, 7, 7, 10, 10, 13, 4]);
        let blocks = config.blocks();
        assert_eq!(blocks.len(), 55);
        assert_eq!(
            blocks[4],
            BlockConfig {
                in_channels: 32,
                expanded_channels: 192,
                squeeze_channels: 8,
                out_channels: 48,
                kernel_size: 3,
                stride: 2,
                expand: true,
                even_padding: false,
                residual: false,
            }
        );
        assert!(blocks[5].residual && blocks[5].stride == 1 && blocks[5].in_channels == 48);
        assert!(!blocks[0].expand && !blocks[0].residual && blocks[1].residual);
    }

    #[test]
    fn widths_round_as_in_the_original() {
        // 0.25 * 18 = 4.5. The nearest multiple of 1 is 5. The nearest multiple of 4 is smaller by
        // more than a tenth, so the result is 8.
        let mut config = AlignVisionConfig { width_coefficient: 0.25, ..Default::default() };
        config.depth_divisor = 1;
        assert_eq!(config.round_filters(18), 5);
        config.depth_divisor = 4;
        assert_eq!(config.round_filters(18), 8);
        assert_eq!(config.round_filters(16), 4);
        assert_eq!(config.round_filters(1), 4);
        config.depth_divisor = 5;
        assert_eq!(config.round_filters(32), 10);
        assert_eq!(config.round_filters(60), 15);
    }

    #[test]
    fn padding_is_named_by_the_block_over_all_stages() {
        let config = AlignVisionConfig { depthwise_padding: vec![4, 999], ..Default::default() };
        let even: Vec<_> = config
            .blocks()
            .iter()
            .enumerate()
            .filter(|(_, b)| b.even_padding)
            .map(|b| b.0)
            .collect();
        assert_eq!(even, [4]);
    }

    #[test]
    fn image_size_is_a_number_or_a_list() {
        let read = |size| serde_json::from_value::<ImageSize>(size);
        assert_eq!(read(json!(289)).unwrap(), ImageSize { height: 289, width: 289 });
        assert_eq!(read(json!([46, 38])).unwrap(), ImageSize { height: 46, width: 38 });
        for bad in [json!("289"), json!([1]), json!([1, 2, 3]), json!(-1), json!(null)] {
            assert!(read(bad).is_err());
        }
        assert_eq!(
            read(json!("289")).unwrap_err().to_string(),
            "invalid type: string \"289\", expected a size in pixels, or a list of height and width"
        );
        assert_eq!(serde_json::to_value(read(json!([46, 38])).unwrap()).unwrap(), json!([46, 38]));
    }

    #[test]
    fn what_is_written_reads_back() {
        let json = serde_json::to_string(&align_base()).unwrap();
        assert!(json.contains(r#""model_type":"align_vision_model""#));
        assert_eq!(serde_json::from_str::<AlignVisionConfig>(&json).unwrap(), align_base());
    }

    #[test]
    fn refuses_what_cannot_be() {
        type Case = (fn(&mut AlignVisionConfig), &'static str);
        let cases: [Case; 17] = [
            (|c| c.num_channels = 0, "num_channels: expected 1 to 65536, found 0"),
            (|c| c.image_size.width = 0, "image_size: expected 1 to 65536, found 0"),
            (
                |c| c.width_coefficient = -2.0,
                "width_coefficient: expected 0.000001 to 1000, found -2",
            ),
            (
                |c| c.depth_coefficient = f64::INFINITY,
                "depth_coefficient: expected 0.000001 to 1000, found inf",
            ),
            (|c| c.depth_divisor = 0, "depth_divisor: expected 1 to 65536, found 0"),
            (
                |c| c.kernel_sizes[2] = 4,
                "kernel_sizes[2]: expected an odd number from 3 to 31, found 4",
            ),
            (
                |c| c.kernel_sizes[0] = 1,
                "kernel_sizes[0]: expected an odd number from 3 to 31, found 1",
            ),
            (|c| c.strides[1] = 3, "strides[1]: expected 1 to 2, found 3"),
            (
                |c| c.strides.truncate(6),
                "strides: expected 7 numbers, as many as in_channels, found 6",
            ),
            (
                |c| c.in_channels.clear(),
                "number of stages (in_channels): expected 1 to 1000, found 0",
            ),
            (
                |c| c.in_channels[3] = 48,
                "in_channels[3]: expected 80 channels after scaling, the width of the input, found 96",
            ),
            (
                |c| c.out_channels[6] = 40000,
                "out_channels[6] after scaling: expected 1 to 65536, found 80000",
            ),
            (
                |c| c.num_block_repeats[6] = 400,
                "number of blocks after scaling: expected 1 to 1000, found 1291",
            ),
            (
                |c| c.expand_ratios[0] = usize::MAX,
                "expand_ratios[0]: expected 1 to 64, found 18446744073709551615",
            ),
            (|c| c.hidden_dim = 0, "hidden_dim: expected 1 to 65536, found 0"),
            (
                |c| c.hidden_act = "mish".to_owned(),
                "hidden_act: expected gelu, gelu_new, gelu_pytorch_tanh, relu, relu6, silu, swish, tanh or \
                 sigmoid, found \"mish\"",
            ),
            (
                |c| (c.out_channels[6], c.expand_ratios[6]) = (32768, 64),
                "number of parameters: expected 1 to 4294967296, found 2063426859504",
            ),
        ];
        for (spoil, message) in cases {
            let mut config = AlignVisionConfig::default();
            spoil(&mut config);
            assert_eq!(config.validate().unwrap_err().to_string(), message);
        }
    }
}
