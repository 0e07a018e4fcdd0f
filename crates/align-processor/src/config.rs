//! The settings of the image processor: `preprocessor_config.json`, or the `image_processor`
//! object of `processor_config.json`.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::ProcessorError;
use crate::json::{field_or, read_object, wrong};
use crate::{Dimensions, Filter, MAX_SIDE};

/// How images become pixel values. [`Default`] holds the class defaults of the original
/// EfficientNet image processor, which apply wherever a file lacks a field.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageProcessorConfig {
    /// Resize to `size`.
    pub do_resize: bool,
    /// The size to resize to.
    pub size: Size,
    /// The filter to resize with.
    pub resample: Filter,
    /// Crop to `crop_size` around the centre, padding with zeros where the image is smaller.
    pub do_center_crop: bool,
    /// The size to crop to.
    pub crop_size: Dimensions,
    /// Multiply by `rescale_factor`.
    pub do_rescale: bool,
    /// The factor that takes 0..=255 to the model's range.
    pub rescale_factor: f64,
    /// Subtract 1 after multiplying.
    pub rescale_offset: bool,
    /// Subtract `image_mean` and divide by `image_std`.
    pub do_normalize: bool,
    /// The mean to subtract.
    pub image_mean: PerChannel,
    /// The standard deviation to divide by.
    pub image_std: PerChannel,
    /// Divide by `image_std`, once more if `do_normalize` already did.
    pub include_top: bool,
}

impl Default for ImageProcessorConfig {
    fn default() -> Self {
        Self {
            do_resize: true,
            size: Size::Exact(Dimensions::square(346)),
            resample: Filter::Bicubic,
            do_center_crop: false,
            crop_size: Dimensions::square(289),
            do_rescale: true,
            rescale_factor: 1.0 / 255.0,
            rescale_offset: false,
            do_normalize: true,
            image_mean: PerChannel::Each(vec![0.5; 3]),
            image_std: PerChannel::Each(vec![0.5; 3]),
            include_top: true,
        }
    }
}

/// The size to resize to; sides are 1 to [`MAX_SIDE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// This height and width, whatever the shape of the image.
    Exact(Dimensions),
    /// The shape kept, the shorter side this long.
    ShortestEdge(usize),
    /// The shape kept, the shorter side this long unless the longer one would exceed its bound.
    Edges {
        /// The shorter side.
        shortest: usize,
        /// The bound on the longer side.
        longest: usize,
    },
    /// The shape kept, as large as fits into this height and width.
    Within(Dimensions),
}

/// One number for all channels, or one for each.
#[derive(Clone, Debug, PartialEq)]
pub enum PerChannel {
    /// The same for every channel.
    Same(f64),
    /// One for each channel, in order.
    Each(Vec<f64>),
}

impl PerChannel {
    /// All values, whatever the number of channels.
    fn values(&self) -> &[f64] {
        match self {
            Self::Same(value) => std::slice::from_ref(value),
            Self::Each(values) => values,
        }
    }
}

impl ImageProcessorConfig {
    /// Reads the config of a checkpoint folder: the `image_processor` object of
    /// `processor_config.json` if there is one, else `preprocessor_config.json`.
    ///
    /// # Errors
    /// If neither is there, cannot be read, or a field is wrong.
    pub fn from_pretrained(dir: impl AsRef<Path>) -> Result<Self, ProcessorError> {
        let dir = dir.as_ref();
        let nested = dir.join("processor_config.json");
        if let Some(object) = read_object(&nested)?
            && let Some(value) = object.get("image_processor")
        {
            let fields = value
                .as_object()
                .ok_or_else(|| wrong("image_processor", "an object", value).at(&nested))?;
            return Self::from_json(fields).map_err(|error| error.at(&nested));
        }
        let flat = dir.join("preprocessor_config.json");
        match read_object(&flat)? {
            Some(fields) => Self::from_json(&fields).map_err(|error| error.at(&flat)),
            None => Err(ProcessorError::MissingFiles {
                dir: dir.into(),
                looked_for: "preprocessor_config.json, processor_config.json with `image_processor`",
            }),
        }
    }

    /// Reads the config from the fields of a JSON object. Missing and null fields take the
    /// defaults; unknown fields are ignored.
    ///
    /// # Errors
    /// If a field has the wrong type or an impossible value.
    ///
    /// ```
    /// use align_processor::{Dimensions, ImageProcessorConfig, Size};
    /// let json = serde_json::json!({"size": 64, "do_center_crop": true, "crop_size": [48, 56]});
    /// let config = ImageProcessorConfig::from_json(json.as_object().unwrap())?;
    /// assert_eq!(config.size, Size::Exact(Dimensions::square(64)));
    /// assert_eq!(config.crop_size, Dimensions { height: 48, width: 56 });
    ///
    /// let json = serde_json::json!({"size": {"height": 0, "width": 64}});
    /// let error = ImageProcessorConfig::from_json(json.as_object().unwrap()).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "config: field `size.height`: expected an integer from 1 to 16384, found 0"
    /// );
    /// # Ok::<(), align_processor::ProcessorError>(())
    /// ```
    pub fn from_json(fields: &Map<String, Value>) -> Result<Self, ProcessorError> {
        let default = Self::default();
        let flag = |name, default| field_or(fields, name, "true or false", default);
        let present = |name| fields.get(name).filter(|value| !value.is_null());
        let square = flag("default_to_square", true)?;
        let config = Self {
            do_resize: flag("do_resize", default.do_resize)?,
            size: present("size").map_or(Ok(default.size), |value| read_size(value, square))?,
            resample: present("resample").map_or(Ok(default.resample), read_filter)?,
            do_center_crop: flag("do_center_crop", default.do_center_crop)?,
            crop_size: present("crop_size").map_or(Ok(default.crop_size), read_crop_size)?,
            do_rescale: flag("do_rescale", default.do_rescale)?,
            rescale_factor: field_or(fields, "rescale_factor", FACTOR, default.rescale_factor)?,
            rescale_offset: flag("rescale_offset", default.rescale_offset)?,
            do_normalize: flag("do_normalize", default.do_normalize)?,
            image_mean: present("image_mean")
                .map_or(Ok(default.image_mean), |value| read_channels("image_mean", value))?,
            image_std: present("image_std")
                .map_or(Ok(default.image_std), |value| read_channels("image_std", value))?,
            include_top: flag("include_top", default.include_top)?,
        };
        config.check()?;
        Ok(config)
    }

    /// Every setting by its name, as text: what a file keeps to know the config again.
    ///
    /// ```
    /// let settings = align_processor::ImageProcessorConfig::default().settings();
    /// assert!(settings.contains(&("size", "346x346".to_owned())));
    /// assert!(settings.contains(&("image_mean", "0.5 0.5 0.5".to_owned())));
    /// ```
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let pair = |size: Dimensions| format!("{}x{}", size.height, size.width);
        let size = match self.size {
            Size::Exact(size) => pair(size),
            Size::ShortestEdge(side) => format!("shortest edge {side}"),
            Size::Edges { shortest, longest } => {
                format!("shortest edge {shortest}, longest edge {longest}")
            }
            Size::Within(size) => format!("within {}", pair(size)),
        };
        let channels = |channels: &PerChannel| {
            channels.values().iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
        };
        vec![
            ("do_resize", self.do_resize.to_string()),
            ("size", size),
            ("resample", format!("{:?}", self.resample).to_lowercase()),
            ("do_center_crop", self.do_center_crop.to_string()),
            ("crop_size", pair(self.crop_size)),
            ("do_rescale", self.do_rescale.to_string()),
            ("rescale_factor", self.rescale_factor.to_string()),
            ("rescale_offset", self.rescale_offset.to_string()),
            ("do_normalize", self.do_normalize.to_string()),
            ("image_mean", channels(&self.image_mean)),
            ("image_std", channels(&self.image_std)),
            ("include_top", self.include_top.to_string()),
        ]
    }

    /// Checks what the types leave open: sides, factor, means and deviations.
    pub(crate) fn check(&self) -> Result<(), ProcessorError> {
        let (first, second) = match self.size {
            Size::Exact(size) | Size::Within(size) => (size.height, size.width),
            Size::ShortestEdge(side) => (side, side),
            Size::Edges { shortest, longest } => (shortest, longest),
        };
        check_side("size", first)?;
        check_side("size", second)?;
        check_side("crop_size", self.crop_size.height)?;
        check_side("crop_size", self.crop_size.width)?;

        if !self.rescale_factor.is_finite() || self.rescale_factor <= 0.0 {
            return Err(out_of_range("rescale_factor", FACTOR, self.rescale_factor));
        }
        for (name, channels) in [("image_mean", &self.image_mean), ("image_std", &self.image_std)] {
            if channels.values().is_empty() {
                return Err(out_of_range(name, CHANNELS, "an empty list"));
            }
        }
        // Both are used as f32, so that is where they must be finite and positive.
        if let Some(bad) = self.image_mean.values().iter().find(|v| !(**v as f32).is_finite()) {
            return Err(out_of_range("image_mean", "finite numbers", bad));
        }
        let positive = |v: &&f64| (**v as f32).is_finite() && **v as f32 > 0.0;
        if let Some(bad) = self.image_std.values().iter().find(|v| !positive(v)) {
            return Err(out_of_range("image_std", "finite numbers above 0", bad));
        }
        Ok(())
    }
}

const FACTOR: &str = "a finite number above 0";
const CHANNELS: &str = "a number, or a list of one number per channel";
const SIDE: &str = "an integer from 1 to 16384";
const _: () = assert!(MAX_SIDE == 16_384, "SIDE spells MAX_SIDE out");

fn out_of_range(field: &str, expected: &str, found: impl ToString) -> ProcessorError {
    ProcessorError::Field {
        origin: None,
        field: field.into(),
        expected: expected.into(),
        found: found.to_string(),
    }
}

fn check_side(field: &str, side: usize) -> Result<(), ProcessorError> {
    if (1..=MAX_SIDE).contains(&side) { Ok(()) } else { Err(out_of_range(field, SIDE, side)) }
}

fn read_side(field: &str, value: &Value) -> Result<usize, ProcessorError> {
    value
        .as_u64()
        .and_then(|side| usize::try_from(side).ok())
        .filter(|side| (1..=MAX_SIDE).contains(side))
        .ok_or_else(|| wrong(field, SIDE, value))
}

/// `size`: a side, `[height, width]`, or an object with one of four sets of keys.
fn read_size(value: &Value, default_to_square: bool) -> Result<Size, ProcessorError> {
    const EXPECTED: &str = "an integer, [height, width], or an object with height and width, \
         shortest_edge, shortest_edge and longest_edge, or max_height and max_width";
    if value.is_number() {
        let side = read_side("size", value)?;
        return Ok(match default_to_square {
            true => Size::Exact(Dimensions::square(side)),
            false => Size::ShortestEdge(side),
        });
    }
    if let Some([height, width]) = value.as_array().map(Vec::as_slice) {
        return Ok(Size::Exact(read_pair("size", [height, width])?));
    }
    let object = value.as_object().ok_or_else(|| wrong("size", EXPECTED, value))?;
    let side = |name: &str| {
        let value = object.get(name).filter(|value| !value.is_null());
        value.map(|value| read_side(&format!("size.{name}"), value)).transpose()
    };
    // The first complete set in this order decides, as in the original.
    match (side("shortest_edge")?, side("longest_edge")?) {
        (Some(shortest), Some(longest)) => return Ok(Size::Edges { shortest, longest }),
        (Some(shortest), None) => return Ok(Size::ShortestEdge(shortest)),
        _ => {}
    }
    if let (Some(height), Some(width)) = (side("max_height")?, side("max_width")?) {
        return Ok(Size::Within(Dimensions { height, width }));
    }
    if let (Some(height), Some(width)) = (side("height")?, side("width")?) {
        return Ok(Size::Exact(Dimensions { height, width }));
    }
    Err(wrong("size", EXPECTED, value))
}

/// `crop_size`: a side, `[height, width]`, or an object with height and width.
fn read_crop_size(value: &Value) -> Result<Dimensions, ProcessorError> {
    const NAME: &str = "crop_size";
    const EXPECTED: &str = "an integer, [height, width], or an object with height and width";
    if value.is_number() {
        return Ok(Dimensions::square(read_side(NAME, value)?));
    }
    if let Some([height, width]) = value.as_array().map(Vec::as_slice) {
        return read_pair(NAME, [height, width]);
    }
    let side = |name: &str| {
        let value = value.get(name).ok_or_else(|| wrong(NAME, EXPECTED, value))?;
        read_side(&format!("{NAME}.{name}"), value)
    };
    Ok(Dimensions { height: side("height")?, width: side("width")? })
}

fn read_pair(field: &str, [height, width]: [&Value; 2]) -> Result<Dimensions, ProcessorError> {
    Ok(Dimensions { height: read_side(field, height)?, width: read_side(field, width)? })
}

fn read_filter(value: &Value) -> Result<Filter, ProcessorError> {
    const EXPECTED: &str =
        "0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box, 5 hamming, 6 MKS 2013 or 7 MKS 2021";
    value.as_u64().and_then(Filter::from_code).ok_or_else(|| wrong("resample", EXPECTED, value))
}

fn read_channels(field: &str, value: &Value) -> Result<PerChannel, ProcessorError> {
    if let Some(number) = value.as_f64() {
        return Ok(PerChannel::Same(number));
    }
    let numbers = value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    numbers.map(PerChannel::Each).ok_or_else(|| wrong(field, CHANNELS, value))
}

impl Size {
    /// The size that an image of size `from` is resized to; fractions are cut off.
    pub(crate) fn target(self, from: Dimensions) -> Result<Dimensions, ProcessorError> {
        let to = match self {
            Self::Exact(size) => size,
            Self::ShortestEdge(shortest) => with_short_side(from, shortest, None),
            Self::Edges { shortest, longest } => within_edges(from, shortest, longest),
            Self::Within(bound) => {
                let (height, width) = (from.height as f64, from.width as f64);
                let scale = (bound.height as f64 / height).min(bound.width as f64 / width);
                Dimensions { height: (height * scale) as usize, width: (width * scale) as usize }
            }
        };
        let possible = 1..=MAX_SIDE;
        if possible.contains(&to.height) && possible.contains(&to.width) {
            Ok(to)
        } else {
            Err(ProcessorError::TargetSize { from, to })
        }
    }
}

/// The shorter side of `from` becomes `short`, the longer one keeps the shape; it is computed
/// from `exact` where rounding made `short` of that.
fn with_short_side(from: Dimensions, short: usize, exact: Option<f64>) -> Dimensions {
    let basis = exact.unwrap_or(short as f64);
    let long = |long: usize, short: usize| (basis * long as f64 / short as f64) as usize;
    if from.width <= from.height {
        Dimensions { height: long(from.height, from.width), width: short }
    } else {
        Dimensions { height: short, width: long(from.width, from.height) }
    }
}

fn within_edges(from: Dimensions, shortest: usize, longest: usize) -> Dimensions {
    let low = from.height.min(from.width) as f64;
    let high = from.height.max(from.width) as f64;
    let (mut short, mut exact) = (shortest, None);
    if high / low * shortest as f64 > longest as f64 {
        let fitting = longest as f64 * low / high;
        short = fitting.round_ties_even() as usize;
        exact = Some(fitting);
    }
    if from.height.min(from.width) == short {
        return from;
    }
    with_short_side(from, short, exact)
}

#[cfg(test)]
mod tests;
