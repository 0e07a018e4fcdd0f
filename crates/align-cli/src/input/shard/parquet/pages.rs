//! Pages of a column, checked and decompressed.
//!
//! The library's reader is told that nothing is compressed, since it would believe every size that
//! a page claims to have.

use super::codec::Codec;
use anyhow::{Context, Result, bail, ensure};
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use std::fs::File;
use std::sync::Arc;

/// The most lengths that a page may have where they take next to no bytes.
const MAX_LENGTHS: u32 = 1 << 24;

/// The pages of a column's part of a row group.
pub(super) struct Pages {
    /// Gives pages as they are in the file.
    inner: SerializedPageReader<File>,
    codec: Codec,
    /// Whether cells may be null: then definition levels precede the values.
    nullable: bool,
}

impl Pages {
    /// The pages of `chunk`, which has `rows` rows, in a file of `len` bytes.
    pub(super) fn new(
        file: &Arc<File>,
        len: u64,
        chunk: &ColumnChunkMetaData,
        rows: usize,
    ) -> Result<Self> {
        let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
        let size = chunk.compressed_size();
        let end = start.checked_add(size).filter(|_| start >= 0 && size >= 0);
        ensure!(
            end.is_some_and(|end| end.unsigned_abs() <= len),
            "expected {size} bytes from byte {start}, found {len} bytes in the file"
        );
        let codec = Codec::of(chunk.compression())?;
        let nullable = chunk.column_descr().max_def_level() > 0;
        let raw =
            chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let inner = SerializedPageReader::new(file.clone(), &raw, rows, None)?;
        Ok(Self { inner, codec, nullable })
    }

    /// The page, decompressed.
    fn opened(&self, mut page: Page) -> Result<Page> {
        match &mut page {
            Page::DictionaryPage { buf, num_values, .. } => {
                *buf = self.decompressed(buf, 0)?.into();
                // Each value has at least its length.
                let possible = buf.len() / size_of::<u32>();
                ensure!(*num_values as usize <= possible, "a dictionary of {num_values} values");
            }
            Page::DataPage { buf, num_values, encoding, .. } => {
                *buf = self.decompressed(buf, 0)?.into();
                let levels = if self.nullable { levels_v1(buf)? } else { 0 };
                let values = buf.get(levels..).context("levels longer than their page")?;
                check_values(values, *num_values, *encoding)?;
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                ..
            } => {
                let levels = (*def_levels_byte_len as usize)
                    .checked_add(*rep_levels_byte_len as usize)
                    .filter(|levels| *levels <= buf.len())
                    .context("levels longer than their page")?;
                if *is_compressed {
                    *buf = self.decompressed(buf, levels)?.into();
                }
                check_values(&buf[levels..], *num_values, *encoding)?;
            }
        }
        Ok(page)
    }

    /// A page whose first bytes, `kept` of them, are not compressed.
    fn decompressed(&self, page: &[u8], kept: usize) -> Result<Vec<u8>> {
        let mut out = page[..kept].to_vec();
        self.codec.decompress(&page[kept..], &mut out)?;
        Ok(out)
    }
}

/// The length of the definition levels that a page begins with: their own length and what it says.
fn levels_v1(page: &[u8]) -> Result<usize> {
    let (length, _) = page.split_first_chunk().context("levels longer than their page")?;
    let length = usize::try_from(u32::from_le_bytes(*length))?;
    length.checked_add(size_of::<u32>()).context("levels longer than their page")
}

/// Checks what the decoder of an encoding would believe.
fn check_values(values: &[u8], num_values: u32, encoding: Encoding) -> Result<()> {
    match encoding {
        Encoding::PLAIN | Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY => Ok(()),
        // Block size, miniblocks in a block, number of lengths, then the lengths.
        Encoding::DELTA_LENGTH_BYTE_ARRAY => {
            let mut rest = values;
            let mut header = || uleb128(&mut rest).context("a damaged header of lengths");
            let (_, _, lengths) = (header()?, header()?, header()?);
            let possible = lengths <= u64::from(num_values.min(MAX_LENGTHS));
            ensure!(possible, "{lengths} lengths for {num_values} values");
            Ok(())
        }
        other => bail!("expected plain values, a dictionary or their lengths, found {other}"),
    }
}

/// Takes a number of seven bits a byte, the lowest first.
fn uleb128(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..63).step_by(7) {
        let byte;
        (byte, *bytes) = bytes.split_first().map(|(byte, rest)| (*byte, rest))?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        let Some(page) = self.inner.get_next_page()? else { return Ok(None) };
        let page = self.opened(page).map_err(|error| ParquetError::General(error.to_string()))?;
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        self.inner.skip_next_page()
    }
}

impl Iterator for Pages {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
