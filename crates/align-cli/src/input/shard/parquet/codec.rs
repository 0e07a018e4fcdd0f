//! Decompression of pages.

use anyhow::{Result, bail, ensure};
use parquet::basic::Compression;
use std::io::Read;

/// The largest page that is decompressed. Writers aim at a megabyte, but some put a thousand images
/// into one.
const MAX_PAGE: u64 = 1 << 30;

/// How pages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Snappy,
    Gzip,
    Zstd,
}

impl Codec {
    pub(super) fn of(compression: Compression) -> Result<Self> {
        Ok(match compression {
            Compression::UNCOMPRESSED => Self::None,
            Compression::SNAPPY => Self::Snappy,
            Compression::GZIP(_) => Self::Gzip,
            Compression::ZSTD(_) => Self::Zstd,
            other => {
                let found = other.to_string();
                let found = found.split('(').next().unwrap_or_default();
                bail!("expected no compression, snappy, gzip or zstd, found {found}")
            }
        })
    }

    /// Appends what `compressed` holds to `out`, of [`MAX_PAGE`] bytes at most.
    pub(super) fn decompress(self, mut compressed: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if compressed.is_empty() {
            return Ok(());
        }
        match self {
            Self::None => out.extend_from_slice(compressed),
            Self::Snappy => {
                let len = snap::raw::decompress_len(compressed)?;
                // An element of snappy takes two bytes at least and gives 64 at most.
                let possible = len as u64 <= MAX_PAGE && len / 32 <= compressed.len();
                ensure!(possible, "{} bytes of snappy for {len} bytes", compressed.len());
                let start = out.len();
                out.resize(start + len, 0);
                snap::raw::Decoder::new().decompress(compressed, &mut out[start..])?;
            }
            Self::Gzip => read(flate2::read::MultiGzDecoder::new(compressed), out)?,
            Self::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(&mut compressed)?;
                read(decoder, out)?;
                ensure!(compressed.is_empty(), "{} bytes behind a zstd frame", compressed.len());
            }
        }
        Ok(())
    }
}

fn read(decoder: impl Read, out: &mut Vec<u8>) -> Result<()> {
    let read = decoder.take(MAX_PAGE + 1).read_to_end(out)?;
    ensure!(read as u64 <= MAX_PAGE, "a page of more than {MAX_PAGE} bytes");
    Ok(())
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

    fn opened(codec: Codec, bytes: &[u8]) -> Result<Vec<u8>> {
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
        assert_eq!(Codec::of(Compression::GZIP(GzipLevel::default())).unwrap(), Codec::Gzip);
        assert_eq!(Codec::of(Compression::ZSTD(ZstdLevel::default())).unwrap(), Codec::Zstd);
        let error = Codec::of(Compression::BROTLI(BrotliLevel::default())).unwrap_err();
        let expected = "expected no compression, snappy, gzip or zstd, found BROTLI";
        assert_eq!(error.to_string(), expected);
    }
}
