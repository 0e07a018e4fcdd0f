//! Fields of the config with types of their own.

use crate::config::PerChannel;
use crate::config::size::Size;
use crate::dimensions::{Dimensions, MAX_SIDE};
use crate::error::ProcessorError;
use crate::json::wrong;
use crate::resize::Filter;
use serde_json::Value;

/// Allowed values of `image_mean` and `image_std`.
pub(super) const CHANNELS: &str = "a number, or a list of one number per channel";
/// Allowed values of a side.
pub(super) const SIDE: &str = "an integer from 1 to 16384";
const _: () = assert!(MAX_SIDE == 16_384, "SIDE spells MAX_SIDE out");

/// Reads `size`: a side, `[height, width]`, or an object with one of four sets of keys.
pub(super) fn read_size(value: &Value, default_to_square: bool) -> Result<Size, ProcessorError> {
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

/// Reads `crop_size`: a side, `[height, width]`, or an object with height and width.
pub(super) fn read_crop_size(value: &Value) -> Result<Dimensions, ProcessorError> {
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

/// Reads `resample`: Pillow's number of a filter.
pub(super) fn read_filter(value: &Value) -> Result<Filter, ProcessorError> {
    const EXPECTED: &str =
        "0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box, 5 hamming, 6 MKS 2013 or 7 MKS 2021";
    value.as_u64().and_then(Filter::from_code).ok_or_else(|| wrong("resample", EXPECTED, value))
}

/// Reads `image_mean` or `image_std`.
pub(super) fn read_channels(field: &str, value: &Value) -> Result<PerChannel, ProcessorError> {
    if let Some(number) = value.as_f64() {
        return Ok(PerChannel::Same(number));
    }
    let numbers = value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    numbers.map(PerChannel::Each).ok_or_else(|| wrong(field, CHANNELS, value))
}

fn read_pair(field: &str, [height, width]: [&Value; 2]) -> Result<Dimensions, ProcessorError> {
    Ok(Dimensions { height: read_side(field, height)?, width: read_side(field, width)? })
}

fn read_side(field: &str, value: &Value) -> Result<usize, ProcessorError> {
    value
        .as_u64()
        .and_then(|side| usize::try_from(side).ok())
        .filter(|side| (1..=MAX_SIDE).contains(side))
        .ok_or_else(|| wrong(field, SIDE, value))
}
