//! Pages of a column, checked and decompressed.
//!
//! The Parquet library allocates whatever size a compressed page claims to have. So its reader is
//! told that nothing is compressed, and pages are decompressed here.

use super::codec::Codec;
use super::error::TableError;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;
use std::sync::Arc;

/// The most delta-encoded lengths of a page. Equal lengths take almost no bytes, so the size of the
/// page is no bound.
const MAX_LENGTHS: u32 = 1 << 24;

/// The pages of a column chunk, which is the part of a column in one row group.
pub(super) struct Pages<R: ChunkReader> {
    /// The pages as they are in the file.
    inner: SerializedPageReader<R>,
    codec: Codec,
    /// Whether cells may be null. If so, definition levels precede the values.
    nullable: bool,
}

impl<R: ChunkReader> Pages<R> {
    /// The pages of `chunk`, which has `rows` rows.
    pub(super) fn new(
        reader: &Arc<R>,
        chunk: &ColumnChunkMetaData,
        rows: usize,
    ) -> Result<Self, TableError> {
        let len = reader.len();
        let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
        let size = chunk.compressed_size();
        let end = start.checked_add(size).filter(|_| start >= 0 && size >= 0);
        if end.is_none_or(|end| end.unsigned_abs() > len) {
            return Err(TableError::ChunkRange { start, size, len });
        }
        let codec = Codec::from_compression(chunk.compression())?;
        let nullable = chunk.column_descr().max_def_level() > 0;
        let raw =
            chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let inner = SerializedPageReader::new(Arc::clone(reader), &raw, rows, None)?;
        Ok(Self { inner, codec, nullable })
    }

    /// The page, decompressed and checked.
    fn opened(&self, mut page: Page) -> Result<Page, TableError> {
        match &mut page {
            Page::DictionaryPage { buf, num_values, .. } => {
                *buf = self.decompressed(buf, 0)?.into();
                // A value takes at least the four bytes of its length.
                if *num_values as usize > buf.len() / size_of::<u32>() {
                    return Err(TableError::Dictionary { count: *num_values });
                }
            }
            Page::DataPage { buf, num_values, encoding, .. } => {
                *buf = self.decompressed(buf, 0)?.into();
                let levels = if self.nullable { levels_v1(buf)? } else { 0 };
                let values = buf.get(levels..).ok_or(TableError::Levels)?;
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
                    .ok_or(TableError::Levels)?;
                if *is_compressed {
                    *buf = self.decompressed(buf, levels)?.into();
                }
                check_values(&buf[levels..], *num_values, *encoding)?;
            }
        }
        Ok(page)
    }

    /// The bytes of a page whose first `kept` bytes are not compressed.
    fn decompressed(&self, page: &[u8], kept: usize) -> Result<Vec<u8>, TableError> {
        let mut out = page[..kept].to_vec();
        self.codec.decompress(&page[kept..], &mut out)?;
        Ok(out)
    }
}

/// The length in bytes of the definition levels at the start of a page, with the field that holds
/// their length.
fn levels_v1(page: &[u8]) -> Result<usize, TableError> {
    let (length, _) = page.split_first_chunk().ok_or(TableError::Levels)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| TableError::Levels)?;
    length.checked_add(size_of::<u32>()).ok_or(TableError::Levels)
}

/// Checks the counts that the decoder of an encoding would not check.
fn check_values(values: &[u8], num_values: u32, encoding: Encoding) -> Result<(), TableError> {
    match encoding {
        Encoding::PLAIN | Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY => Ok(()),
        // The header is the block size, the miniblocks of a block, and the number of lengths.
        Encoding::DELTA_LENGTH_BYTE_ARRAY => {
            let mut rest = values;
            let mut header = || uleb128(&mut rest).ok_or(TableError::LengthsHeader);
            let (_, _, lengths) = (header()?, header()?, header()?);
            match lengths <= u64::from(num_values.min(MAX_LENGTHS)) {
                true => Ok(()),
                false => Err(TableError::Lengths { lengths, values: num_values }),
            }
        }
        other => Err(TableError::Encoding { found: other.to_string() }),
    }
}

/// Takes a number in LEB128, seven bits a byte and the lowest bits first, off the front of `bytes`.
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

impl<R: ChunkReader> PageReader for Pages<R> {
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

impl<R: ChunkReader> Iterator for Pages<R> {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
