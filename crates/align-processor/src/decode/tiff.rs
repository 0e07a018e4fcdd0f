//! TIFF files.
//!
//! They are read by the `tiff` crate itself, so that palettes, packed samples and CMYK become RGB
//! as in Pillow.

use crate::decode::limits::DecodeLimits;
use crate::decode::rgb::{clipped, from_cmyk, from_pixels, high_byte};
use crate::decode::{orientation, turn};
use crate::error::ImageFault;
use image::RgbImage;
use image::metadata::Orientation;
use std::borrow::Cow;
use std::io::{Cursor, ErrorKind};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::{PhotometricInterpretation, Tag};
use tiff::{ColorType, TiffError};

const FORMAT: &str = "TIFF";
const XMP: Tag = Tag::Unknown(700);

/// Decodes the first page.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, ImageFault> {
    let palette = Palette::read(bytes)?;
    let bytes = match &palette {
        Some(palette) => Cow::Owned(palette.as_gray(bytes)),
        None => Cow::Borrowed(bytes),
    };
    let mut decoder = Decoder::new(Cursor::new(&*bytes)).map_err(fault)?;
    let (width, height) = decoder.dimensions().map_err(fault)?;
    limits.check_size(width, height)?;
    let orientation = stated_orientation(&mut decoder);
    let color = decoder.colortype().map_err(fault)?;

    let samples = u64::from(width) * u64::from(height) * u64::from(color.num_samples());
    let memory = limits.memory(samples * u64::from(color.bit_depth().div_ceil(8)));
    let memory = usize::try_from(memory.max_alloc.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let mut decoder_limits = Limits::default();
    decoder_limits.decoding_buffer_size = memory;
    decoder_limits.intermediate_buffer_size = memory;
    let mut decoder = decoder.with_limits(decoder_limits);

    let mut samples = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut samples).map_err(fault)?;
    let complete = samples.as_buffer(0).as_bytes().len() >= layout.complete_len;
    if layout.planes > 1 || !complete {
        return Err(unsupported("samples stored in separate planes".into()));
    }
    let pixels = match (&palette, color, samples) {
        (Some(palette), ColorType::Gray(bits), DecodingResult::U8(rows)) => {
            let indices = unpack(&rows, bits, width as usize);
            indices.flat_map(|index| palette.color(index)).collect()
        }
        (_, color, samples) => to_rgb(color, samples, width as usize)?,
    };
    if pixels.len() as u64 != u64::from(width) * u64::from(height) * 3 {
        return Err(corrupt("the number of samples contradicts the size".into()));
    }
    Ok(turn(from_pixels(width, height, pixels), orientation))
}

/// The orientation in the tag or, if it is absent, in XMP.
fn stated_orientation(decoder: &mut Decoder<Cursor<&[u8]>>) -> Orientation {
    let tag = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let stated = tag.and_then(Orientation::from_exif);
    let stated =
        stated.or_else(|| orientation::from_xmp(&decoder.find_tag(XMP).ok()??.into_u8_vec().ok()?));
    stated.unwrap_or(Orientation::NoTransforms)
}

/// Decoded samples to RGB pixels.
fn to_rgb(color: ColorType, samples: DecodingResult, width: usize) -> Result<Vec<u8>, ImageFault> {
    use DecodingResult::{U8, U16};
    Ok(match (color, samples) {
        (ColorType::Gray(bits @ (1 | 2 | 4 | 8)), U8(rows)) => {
            // Packed gray is scaled to 0..=255: the largest value is white.
            let step = 255 / u8::MAX.unbounded_shr(8 - u32::from(bits));
            unpack(&rows, bits, width).flat_map(|v| [v * step; 3]).collect()
        }
        (ColorType::Gray(16), U16(v)) => v.iter().flat_map(|v| [clipped(*v); 3]).collect(),
        (ColorType::GrayA(8) | ColorType::Multiband { bit_depth: 8, num_samples: 2 }, U8(v)) => {
            v.as_chunks().0.iter().flat_map(|[v, _]| [*v; 3]).collect()
        }
        (ColorType::RGB(8), U8(v)) => v,
        (ColorType::RGBA(8), U8(v)) => {
            v.as_chunks().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect()
        }
        (ColorType::RGB(16), U16(v)) => v.iter().map(|v| high_byte(*v)).collect(),
        (ColorType::RGBA(16), U16(v)) => {
            v.as_chunks().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b].map(high_byte)).collect()
        }
        (ColorType::CMYK(8), U8(v)) => {
            v.as_chunks().0.iter().flat_map(|inks| from_cmyk(*inks)).collect()
        }
        (ColorType::CMYK(16), U16(v)) => {
            v.as_chunks().0.iter().flat_map(|inks| from_cmyk(inks.map(high_byte))).collect()
        }
        (color, _) => return Err(unsupported(format!("pixels of type {color:?}"))),
    })
}

/// The samples of pixels with one sample of `bits` bits, packed from the high bit down. Each row
/// begins at a byte.
fn unpack(rows: &[u8], bits: u8, width: usize) -> impl Iterator<Item = u8> {
    let bits = usize::from(bits);
    let mask = u8::MAX.unbounded_shr(8 - bits as u32);
    let row_len = (width * bits).div_ceil(8).max(1);
    rows.chunks_exact(row_len).flat_map(move |row| {
        (0..width).map(move |x| {
            let bit = x * bits;
            row[bit / 8] >> (8 - bits - bit % 8) & mask
        })
    })
}

/// The colour map of a palette image, and the place of the tag that declares it.
///
/// The `tiff` crate does not read palette images. Their samples are stored as those of a gray
/// image, so the file is read as gray, and the colours are looked up afterwards.
struct Palette {
    /// All reds, then all greens, then all blues, 16 bits each.
    map: Vec<u16>,
    /// Offset of the photometric interpretation's value.
    photometric_at: usize,
    big_endian: bool,
}

impl Palette {
    /// The palette of the first page. `None` if it is no palette image of a classic TIFF file.
    fn read(bytes: &[u8]) -> Result<Option<Self>, ImageFault> {
        let big_endian = bytes.starts_with(b"MM");
        let Some(photometric_at) = find_short(bytes, big_endian, Tag::PhotometricInterpretation)
        else {
            return Ok(None);
        };
        let photometric = short(bytes, photometric_at, big_endian);
        if photometric != Some(PhotometricInterpretation::RGBPalette.to_u16()) {
            return Ok(None);
        }
        let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(fault)?;
        let map = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(fault)?;
        Ok(Some(Self { map, photometric_at, big_endian }))
    }

    /// The file with its pixels declared as gray.
    fn as_gray(&self, bytes: &[u8]) -> Vec<u8> {
        let gray = PhotometricInterpretation::BlackIsZero.to_u16();
        let mut bytes = bytes.to_vec();
        let value = if self.big_endian { gray.to_be_bytes() } else { gray.to_le_bytes() };
        bytes[self.photometric_at..][..2].copy_from_slice(&value);
        bytes
    }

    /// The colour of an index. An index beyond the map is black.
    fn color(&self, index: u8) -> [u8; 3] {
        let colors = self.map.len() / 3;
        [0, 1, 2].map(|channel| {
            let at = channel * colors + usize::from(index);
            if usize::from(index) < colors { high_byte(self.map[at]) } else { 0 }
        })
    }
}

/// The offset of the value of a one-`SHORT` tag in the first directory of a classic TIFF file.
fn find_short(bytes: &[u8], big_endian: bool, tag: Tag) -> Option<usize> {
    const CLASSIC: u16 = 42;
    const TYPE_SHORT: u16 = 3;
    let short = |at| short(bytes, at, big_endian);
    if short(2)? != CLASSIC {
        return None;
    }
    let offset: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
    let offset = if big_endian { u32::from_be_bytes(offset) } else { u32::from_le_bytes(offset) };
    let directory = offset as usize;
    let entries = usize::from(short(directory)?);
    // An entry is tag, type, count (4 bytes), value (4 bytes).
    let mut entries = (0..entries).map(|i| directory + 2 + 12 * i);
    let entry = entries.find(|entry| short(*entry) == Some(tag.to_u16()))?;
    (short(entry + 2)? == TYPE_SHORT && bytes.len() >= entry + 12).then_some(entry + 8)
}

fn short(bytes: &[u8], at: usize, big_endian: bool) -> Option<u16> {
    let value: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(if big_endian { u16::from_be_bytes(value) } else { u16::from_le_bytes(value) })
}

fn unsupported(message: String) -> ImageFault {
    ImageFault::UnsupportedKind { format: FORMAT, message }
}

fn corrupt(message: String) -> ImageFault {
    ImageFault::Corrupt { format: FORMAT, message }
}

fn fault(error: TiffError) -> ImageFault {
    match error {
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            ImageFault::Truncated { format: FORMAT }
        }
        TiffError::LimitsExceeded => ImageFault::TooMuchMemory { format: FORMAT },
        TiffError::UnsupportedError(error) => unsupported(error.to_string()),
        other => corrupt(other.to_string()),
    }
}
