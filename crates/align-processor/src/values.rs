//! 8-bit pixels to the model's input values: rescale, offset, normalise.

use crate::config::{ImageProcessorConfig, PerChannel};
use crate::error::ProcessorError;

/// The input value of each of the 256 pixel values, in one channel. All steps act on one value at
/// a time, so a table holds them exactly.
pub(crate) type Table = [f32; 256];

/// The tables of an image's channels.
///
/// The arithmetic is that of the original. The product is computed in `f64` and rounded to `f32`.
/// All further steps are in `f32`, with mean and standard deviation rounded to `f32` first.
///
/// # Errors
/// If mean or deviation are needed and have another number of channels.
pub(crate) fn tables<const C: usize>(
    config: &ImageProcessorConfig,
) -> Result<[Table; C], ProcessorError> {
    let mean = per_channel::<C>("image_mean", &config.image_mean, config.do_normalize)?;
    let normalizes = config.do_normalize || config.include_top;
    let std = per_channel::<C>("image_std", &config.image_std, normalizes)?;
    Ok(std::array::from_fn(|c| {
        std::array::from_fn(|pixel| {
            let mut value = pixel as f32;
            if config.do_rescale {
                value = (pixel as f64 * config.rescale_factor) as f32;
                if config.rescale_offset {
                    value -= 1.0;
                }
            }
            if config.do_normalize {
                value = (value - mean[c]) / std[c];
            }
            if config.include_top {
                value /= std[c];
            }
            value
        })
    }))
}

/// The values of `C` channels in `f32`. A list of another length is an error if it is used.
fn per_channel<const C: usize>(
    field: &'static str,
    values: &PerChannel,
    used: bool,
) -> Result<[f32; C], ProcessorError> {
    match values {
        PerChannel::Same(value) => Ok([*value as f32; C]),
        PerChannel::Each(values) if values.len() == C => {
            Ok(std::array::from_fn(|c| values[c] as f32))
        }
        PerChannel::Each(_) if !used => Ok([1.0; C]),
        PerChannel::Each(values) => {
            Err(ProcessorError::Channels { field, found: values.len(), channels: C })
        }
    }
}
