//! Decompression of pages.

use super::error::TableError;
use parquet::basic::Compression;
use std::io::Read;

/// The longest page that is decompressed, in bytes. Writers aim at a megabyte, but some put a
/// thousand images into one page.
pub(super) const MAX_PAGE: u64 = 1 << 30;

/// The compression of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Snappy,
    Gzip,
    Zstd,
}

impl Codec {
    pub(super) fn from_compression(compression: Compression) -> Result<Self, TableError> {
        Ok(match compression {
            Compression::UNCOMPRESSED => Self::None,
            Compression::SNAPPY => Self::Snappy,
            Compression::GZIP(_) => Self::Gzip,
            Compression::ZSTD(_) => Self::Zstd,
            other => {
                let found = other.to_string();
                let found = found.split('(').next().unwrap_or_default().to_owned();
                return Err(TableError::Compression { found });
            }
        })
    }

    /// Appends the decompressed bytes, at most [`MAX_PAGE`], to `out`.
    pub(super) fn decompress(
        self,
        mut compressed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), TableError> {
        if compressed.is_empty() {
            return Ok(());
        }
        match self {
            Self::None => out.extend_from_slice(compressed),
            Self::Snappy => {
                let claimed =
                    snap::raw::decompress_len(compressed).map_err(TableError::decompress)?;
                // An element of snappy has at least two bytes and yields at most 64.
                if claimed as u64 > MAX_PAGE || claimed / 32 > compressed.len() {
                    let compressed = compressed.len();
                    return Err(TableError::SnappyLength { compressed, claimed });
                }
                let start = out.len();
                out.resize(start + claimed, 0);
                let mut decoder = snap::raw::Decoder::new();
                decoder
                    .decompress(compressed, &mut out[start..])
                    .map_err(TableError::decompress)?;
            }
            Self::Gzip => read(flate2::read::MultiGzDecoder::new(compressed), out)?,
            Self::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(&mut compressed)
                    .map_err(TableError::decompress)?;
                read(decoder, out)?;
                if !compressed.is_empty() {
                    return Err(TableError::AfterFrame { count: compressed.len() });
                }
            }
        }
        Ok(())
    }
}

fn read(decoder: impl Read, out: &mut Vec<u8>) -> Result<(), TableError> {
    let read = decoder.take(MAX_PAGE + 1).read_to_end(out).map_err(TableError::decompress)?;
    if read as u64 > MAX_PAGE { Err(TableError::PageTooLong) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::basic::{BrotliLevel, GzipLevel, ZstdLevel};
    use std::io::Write;

    /// A frame of zstd that holds 200 times "align", and a checksum.
    const ZSTD: &[u8] = &[
        40, 181, 47, 253, 100, 232, 2, 101, 0, 0, 40, 97, 108, 105, 103, 110, 1, 0, 224, 81, 21,
        45, 78, 83, 103, 28,
    ];

    fn opened(codec: Codec, bytes: &[u8]) -> Result<Vec<u8>, TableError> {
        let mut out = b"kept".to_vec();
        codec.decompress(bytes, &mut out)?;
        assert_eq!(out[..4], *b"kept");
        Ok(out[4..].to_vec())
    }

    #[test]
    fn pages_come_back() {
        let page = b"align".repeat(200);
        let snappy = snap::raw::Encoder::new().compress_vec(&page).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&page).unwrap();
        let gzip = gzip.finish().unwrap();
        for (codec, bytes) in [
            (Codec::None, &page[..]),
            (Codec::Snappy, &snappy),
            (Codec::Gzip, &gzip),
            (Codec::Zstd, ZSTD),
        ] {
            assert_eq!(opened(codec, bytes).unwrap(), page, "{codec:?}");
            assert!(opened(codec, &[]).unwrap().is_empty());
            if codec != Codec::None {
                (1..bytes.len()).for_each(|end| drop(opened(codec, &bytes[..end]).unwrap_err()));
            }
        }
    }

    #[test]
    fn sizes_that_lie_are_refused() {
        // 4 GiB in six bytes of snappy.
        let error = opened(Codec::Snappy, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0]).unwrap_err();
        assert_eq!(error.to_string(), "6 bytes of snappy for 4294967295 bytes");
        let trailing = [ZSTD, &[0]].concat();
        opened(Codec::Zstd, &trailing).unwrap_err();
    }

    #[test]
    fn codecs_that_are_not_read_are_named() {
        assert_eq!(
            Codec::from_compression(Compression::GZIP(GzipLevel::default())).unwrap(),
            Codec::Gzip
        );
        assert_eq!(
            Codec::from_compression(Compression::ZSTD(ZstdLevel::default())).unwrap(),
            Codec::Zstd
        );
        let error =
            Codec::from_compression(Compression::BROTLI(BrotliLevel::default())).unwrap_err();
        let expected = "expected no compression, snappy, gzip or zstd, found BROTLI";
        assert_eq!(error.to_string(), expected);
    }
}
