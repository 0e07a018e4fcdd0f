//! Settings of the image processor: `preprocessor_config.json`, or the `image_processor` object of
//! `processor_config.json`.
//!
//! - `fields`: fields with types of their own;
//! - `size`: the size that an image is resized to.

mod fields;
mod size;
#[cfg(test)]
mod tests;

pub use size::Size;

use crate::dimensions::{Dimensions, MAX_SIDE};
use crate::error::ProcessorError;
use crate::json::{field_or, read_object, wrong};
use crate::resize::Filter;
use fields::{CHANNELS, SIDE, read_channels, read_crop_size, read_filter, read_size};
use serde_json::{Map, Value};
use std::path::Path;

/// Settings that turn images into pixel values.
///
/// [`Default`] holds the class defaults of the original EfficientNet image processor. They apply to
/// every field that a file does not have.
///
/// ```
/// use align_processor::{ImageProcessorConfig, PerChannel};
///
/// let mut config = ImageProcessorConfig::default();
/// config.image_mean = PerChannel::Same(0.25);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ImageProcessorConfig {
    /// Resize to `size`.
    pub do_resize: bool,
    /// The size to resize to.
    pub size: Size,
    /// The filter to resize with.
    pub resample: Filter,
    /// Crop to `crop_size` around the centre. A smaller image is padded with zeros.
    pub do_center_crop: bool,
    /// The size to crop to.
    pub crop_size: Dimensions,
    /// Multiply by `rescale_factor`.
    pub do_rescale: bool,
    /// The factor from 0..=255 to the model's range.
    pub rescale_factor: f64,
    /// Subtract 1 after multiplying.
    pub rescale_offset: bool,
    /// Subtract `image_mean` and divide by `image_std`, in the model's range.
    pub do_normalize: bool,
    /// The mean to subtract.
    pub image_mean: PerChannel,
    /// The standard deviation to divide by.
    pub image_std: PerChannel,
    /// Divide by `image_std`: a second time if `do_normalize` is set.
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

/// One number for all channels, or one number for each channel.
#[derive(Clone, Debug, PartialEq)]
pub enum PerChannel {
    /// The same for every channel.
    Same(f64),
    /// One number for each channel, in order.
    Each(Vec<f64>),
}

impl PerChannel {
    /// All values, for any number of channels.
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
    /// If neither file exists, a file cannot be read, or a field is wrong.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self, ProcessorError> {
        let folder = folder.as_ref();
        let nested = folder.join("processor_config.json");
        if let Some(object) = read_object(&nested)?
            && let Some(value) = object.get("image_processor")
        {
            let fields = value
                .as_object()
                .ok_or_else(|| wrong("image_processor", "an object", value).at(&nested))?;
            return Self::from_json(fields).map_err(|error| error.at(&nested));
        }
        let flat = folder.join("preprocessor_config.json");
        match read_object(&flat)? {
            Some(fields) => Self::from_json(&fields).map_err(|error| error.at(&flat)),
            None => Err(ProcessorError::MissingFiles {
                folder: folder.into(),
                looked_for: "preprocessor_config.json, processor_config.json with `image_processor`",
            }),
        }
    }

    /// Reads the config from the fields of a JSON object.
    ///
    /// Missing and null fields have the defaults. Unknown fields are ignored.
    ///
    /// # Errors
    /// If a field has the wrong type or a value that is not allowed.
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

    /// Names and values of all settings, as text. Equal configs have equal settings.
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

    /// Checks the values that the types allow and a config does not: sides, factor, means and
    /// deviations.
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
        // Both are used as `f32`, so they must be finite and positive in `f32`.
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

/// Allowed values of `rescale_factor`.
const FACTOR: &str = "a finite number above 0";

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
