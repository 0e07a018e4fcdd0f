//! Images to pixel values.

use crate::config::ImageProcessorConfig;
use crate::crop::center_crop;
use crate::decode::{self, DecodeLimits};
use crate::dimensions::Dimensions;
use crate::error::ProcessorError;
use crate::resize::resize;
use crate::values::{Table, tables};
use image::RgbImage;
use ndarray::{Array3, Array4, ArrayView3};
use std::path::Path;

/// Decodes images and turns them into the pixel values of the vision tower.
///
/// Each step can be switched in the config. In order: resize in 8 bits, center crop, rescale (and
/// offset), normalise, divide by the standard deviation a second time.
#[derive(Clone, Debug)]
pub struct ImageProcessor {
    config: ImageProcessorConfig,
    limits: DecodeLimits,
}

impl ImageProcessor {
    /// The processor of a checkpoint folder, with the default [`DecodeLimits`].
    ///
    /// # Errors
    /// As [`ImageProcessorConfig::from_pretrained`].
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self, ProcessorError> {
        Self::from_config(ImageProcessorConfig::from_pretrained(folder)?)
    }

    /// A processor with this config and the default [`DecodeLimits`].
    ///
    /// # Errors
    /// If a size, factor, mean or deviation is out of range.
    pub fn from_config(config: ImageProcessorConfig) -> Result<Self, ProcessorError> {
        config.check()?;
        Ok(Self { config, limits: DecodeLimits::default() })
    }

    /// Sets the limits for image files.
    #[must_use]
    pub fn with_limits(mut self, limits: DecodeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The config.
    pub fn config(&self) -> &ImageProcessorConfig {
        &self.config
    }

    /// The limits for image files.
    pub fn limits(&self) -> &DecodeLimits {
        &self.limits
    }

    /// Decodes the bytes of an image file to upright RGB. See [`decode::decode`].
    ///
    /// # Errors
    /// As [`decode::decode`].
    pub fn decode(&self, bytes: &[u8]) -> Result<RgbImage, ProcessorError> {
        decode::decode(bytes, &self.limits)
    }

    /// Reads and decodes an image file to upright RGB. See [`decode::open`].
    ///
    /// # Errors
    /// As [`decode::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<RgbImage, ProcessorError> {
        decode::open(path, &self.limits)
    }

    /// Pixel values of one image, `[3, H, W]`.
    ///
    /// # Errors
    /// If the image has no pixels, cannot be resized to an allowed size, or the config's mean or
    /// deviation does not have 3 channels.
    pub fn preprocess(&self, image: &RgbImage) -> Result<Array3<f32>, ProcessorError> {
        let size = dimensions(image);
        self.preprocess_pixels::<3>(image.as_raw(), size)
    }

    /// Pixel values of several images, `[N, 3, H, W]`.
    ///
    /// # Errors
    /// As [`ImageProcessor::preprocess`], or if the images have different sizes after
    /// preprocessing.
    pub fn preprocess_batch(&self, images: &[RgbImage]) -> Result<Array4<f32>, ProcessorError> {
        let mut batch_size = None;
        for (index, image) in images.iter().enumerate() {
            let found = self.output_size(dimensions(image), 3)?;
            let expected = *batch_size.get_or_insert(found);
            if found != expected {
                return Err(ProcessorError::BatchSizes { index, expected, found });
            }
        }
        let size = batch_size.unwrap_or(Dimensions { height: 0, width: 0 });
        let tables = tables::<3>(&self.config)?;
        let mut values = Vec::with_capacity(images.len() * 3 * size.area());
        for image in images {
            self.append_values(image.as_raw(), dimensions(image), &tables, &mut values)?;
        }
        let shape = (images.len(), 3, size.height, size.width);
        Ok(Array4::from_shape_vec(shape, values).expect("every image has the batch's size"))
    }

    /// Pixel values `[channels, H, W]` of an 8-bit array `[height, width, channels]`.
    ///
    /// There are 1 or 3 channels. Models of gray images need this method.
    ///
    /// ```
    /// use align_processor::ndarray::Array3;
    /// use align_processor::{ImageProcessor, ImageProcessorConfig, PerChannel};
    ///
    /// let mut config = ImageProcessorConfig::default();
    /// config.image_mean = PerChannel::Same(0.5);
    /// config.image_std = PerChannel::Same(0.5);
    /// let processor = ImageProcessor::from_config(config)?;
    /// let gray = Array3::<u8>::zeros((20, 30, 1));
    /// assert_eq!(processor.preprocess_array(gray.view())?.shape(), [1, 346, 346]);
    /// # Ok::<(), align_processor::ProcessorError>(())
    /// ```
    ///
    /// # Errors
    /// As [`ImageProcessor::preprocess`], or if the array has another number of channels.
    pub fn preprocess_array(
        &self,
        pixels: ArrayView3<'_, u8>,
    ) -> Result<Array3<f32>, ProcessorError> {
        let (height, width, channels) = pixels.dim();
        let pixels = pixels.as_standard_layout();
        let pixels = pixels.as_slice().expect("standard layout is contiguous");
        let size = Dimensions { height, width };
        match channels {
            1 => self.preprocess_pixels::<1>(pixels, size),
            3 => self.preprocess_pixels::<3>(pixels, size),
            _ => Err(ProcessorError::PixelShape { found: [height, width, channels] }),
        }
    }

    fn preprocess_pixels<const C: usize>(
        &self,
        pixels: &[u8],
        from: Dimensions,
    ) -> Result<Array3<f32>, ProcessorError> {
        let size = self.output_size(from, C)?;
        let tables = tables::<C>(&self.config)?;
        let mut values = Vec::with_capacity(C * size.area());
        self.append_values(pixels, from, &tables, &mut values)?;
        let shape = (C, size.height, size.width);
        Ok(Array3::from_shape_vec(shape, values).expect("values fill the output size"))
    }

    /// The size of an image of size `from` after preprocessing.
    fn output_size(&self, from: Dimensions, channels: usize) -> Result<Dimensions, ProcessorError> {
        if from.area() == 0 {
            return Err(ProcessorError::PixelShape { found: [from.height, from.width, channels] });
        }
        let resized = self.resized(from)?;
        Ok(if self.config.do_center_crop { self.config.crop_size } else { resized })
    }

    /// The size of an image of size `from` after resizing.
    fn resized(&self, from: Dimensions) -> Result<Dimensions, ProcessorError> {
        if self.config.do_resize { self.config.size.target(from) } else { Ok(from) }
    }

    /// Appends the pixel values of one image to `values`, one channel after another.
    fn append_values<const C: usize>(
        &self,
        pixels: &[u8],
        from: Dimensions,
        tables: &[Table; C],
        values: &mut Vec<f32>,
    ) -> Result<(), ProcessorError> {
        let size = self.resized(from)?;
        let mut pixels = resize::<C>(pixels, from, size, self.config.resample);
        if self.config.do_center_crop {
            pixels = center_crop::<C>(&pixels, size, self.config.crop_size);
        }
        for (c, table) in tables.iter().enumerate() {
            let (pixels, _) = pixels.as_chunks::<C>();
            values.extend(pixels.iter().map(|pixel| table[usize::from(pixel[c])]));
        }
        Ok(())
    }
}

fn dimensions(image: &RgbImage) -> Dimensions {
    Dimensions { height: image.height() as usize, width: image.width() as usize }
}
