//! Columns of Parquet files.

use super::{Item, MAX_TEXT, Receive};
use anyhow::{Context, Result, anyhow, bail, ensure};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, ConvertedType, LogicalType, Type as PhysicalType};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use std::fs::File;
use std::path::Path;

/// Names of columns that hold images, the likeliest first.
const IMAGES: [&str; 6] = ["image", "jpg", "jpeg", "png", "webp", "bytes"];

/// Names of columns that hold captions, the likeliest first.
const CAPTIONS: [&str; 2] = ["text", "caption"];

/// Where an image's file is, if a column of images is a struct.
const BYTES: &str = "bytes";

/// Rows decoded at once.
const BATCH: usize = 16;

/// What is looked for in a table.
struct Wanted<'a> {
    /// The column's name; else one of `defaults`.
    column: Option<&'a str>,
    defaults: &'static [&'static str],
    /// Whether it holds texts, not images.
    text: bool,
    /// The most bytes that a cell may have.
    max_bytes: u64,
}

/// The images of a column.
pub(super) fn images(
    path: &Path,
    column: Option<&str>,
    max_bytes: u64,
    receive: &mut Receive<'_, Vec<u8>>,
) -> Result<()> {
    cells(path, &Wanted { column, defaults: &IMAGES, text: false, max_bytes }, receive)
}

/// The captions of a column.
pub(super) fn captions(
    path: &Path,
    column: Option<&str>,
    receive: &mut Receive<'_, String>,
) -> Result<()> {
    let wanted = Wanted { column, defaults: &CAPTIONS, text: true, max_bytes: MAX_TEXT };
    cells(path, &wanted, &mut |Item { name, content }| {
        let text = |bytes| String::from_utf8(bytes).context("the text is not UTF-8");
        receive(Item { name, content: content.and_then(text) })
    })
}

/// Hands on the cells of a column.
fn cells(path: &Path, wanted: &Wanted<'_>, receive: &mut Receive<'_, Vec<u8>>) -> Result<()> {
    let shard = path.display();
    let fail = |receive: &mut Receive<'_, Vec<u8>>, fault: anyhow::Error| {
        receive(Item { name: shard.to_string(), content: Err(anyhow!("{shard}: {fault}")) })
    };
    let batches = match open(path, wanted) {
        Ok(batches) => batches,
        Err(fault) => return fail(receive, fault),
    };
    let mut row = 0;
    for batch in batches {
        let cells = match batch.map_err(Into::into).and_then(|batch| Cells::new(&batch)) {
            Ok(cells) => cells,
            Err(fault) => return fail(receive, anyhow!("from row {row}: {fault}")),
        };
        for index in 0..cells.len() {
            let content = cells.get(index, wanted.max_bytes);
            receive(Item { name: format!("{shard}/{row}"), content })?;
            row += 1;
        }
    }
    Ok(())
}

/// A reader of the column alone.
fn open(path: &Path, wanted: &Wanted<'_>) -> Result<ParquetRecordBatchReader> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    // Of the many types that a writer may have had for one column, the file's own remains.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
    let leaf = leaf(builder.parquet_schema(), wanted)?;
    for (index, group) in builder.metadata().row_groups().iter().enumerate() {
        check_chunk(group.column(leaf), len)
            .with_context(|| format!("column {:?}", group.column(leaf).column_path().string()))
            .map_err(|error| anyhow!("row group {index}: {error:#}"))?;
    }
    let mask = ProjectionMask::leaves(builder.parquet_schema(), [leaf]);
    Ok(builder.with_projection(mask).with_batch_size(BATCH).build()?)
}

/// The index of the wanted column.
fn leaf(schema: &SchemaDescriptor, wanted: &Wanted<'_>) -> Result<usize> {
    let named = |name: &str| {
        schema.columns().iter().position(|column| match column.path().parts() {
            [only] => only == name,
            [first, second] => !wanted.text && first == name && second == BYTES,
            _ => false,
        })
    };
    let expected = if wanted.text { "texts" } else { "binary values, or structs with `bytes`" };
    let Some(name) = wanted.column else {
        let fits = |&leaf: &usize| fits(&schema.column(leaf), wanted);
        return wanted.defaults.iter().filter_map(|name| named(name)).find(fits).with_context(|| {
            let names = wanted.defaults.join(", ");
            format!(
                "expected a column of {expected} named {names}, or another by --column, found {}",
                columns(schema)
            )
        });
    };
    let leaf = named(name).with_context(|| {
        format!("column {name:?}: expected {expected}, found only columns {}", columns(schema))
    })?;
    let column = schema.column(leaf);
    ensure!(fits(&column, wanted), "column {name:?}: expected {expected}, found {}", kind(&column));
    Ok(leaf)
}

/// Whether a column may hold what is wanted. Some writers do not mark texts.
fn fits(column: &ColumnDescriptor, wanted: &Wanted<'_>) -> bool {
    let bytes = column.physical_type() == PhysicalType::BYTE_ARRAY && column.max_rep_level() == 0;
    bytes && (wanted.text || !is_text(column))
}

fn is_text(column: &ColumnDescriptor) -> bool {
    column.converted_type() == ConvertedType::UTF8
        || column.logical_type_ref() == Some(&LogicalType::String)
}

fn kind(column: &ColumnDescriptor) -> String {
    let list = if column.max_rep_level() > 0 { "lists of " } else { "" };
    let kind =
        if is_text(column) { "texts".to_owned() } else { column.physical_type().to_string() };
    format!("{list}{kind}")
}

/// Names of columns, for a message.
fn columns(schema: &SchemaDescriptor) -> String {
    const SHOWN: usize = 20;
    let fields = schema.root_schema().get_fields();
    let names: Vec<_> = fields.iter().take(SHOWN).map(|field| field.name()).collect();
    format!("{}{}", names.join(", "), if fields.len() > SHOWN { ", ..." } else { "" })
}

/// Checks that a column's part of a row group lies within the file and can be decompressed.
fn check_chunk(chunk: &ColumnChunkMetaData, len: u64) -> Result<()> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let size = chunk.compressed_size();
    let end = start.checked_add(size).filter(|_| start >= 0 && size >= 0);
    ensure!(
        end.is_some_and(|end| end.unsigned_abs() <= len),
        "expected {size} bytes from byte {start} of the file, which has {len}"
    );
    match chunk.compression() {
        Compression::UNCOMPRESSED
        | Compression::SNAPPY
        | Compression::GZIP(_)
        | Compression::LZ4
        | Compression::LZ4_RAW => Ok(()),
        other => bail!("expected no compression, snappy, gzip or lz4, found {other}"),
    }
}

/// Cells of the one column that is read.
struct Cells {
    /// The column, or the struct that it is in.
    outer: ArrayRef,
    /// The column.
    values: ArrayRef,
}

impl Cells {
    fn new(batch: &RecordBatch) -> Result<Self> {
        ensure!(batch.num_columns() == 1, "expected one column, found {}", batch.num_columns());
        let outer = batch.column(0).clone();
        let values = match outer.as_struct_opt() {
            Some(fields) => fields.columns().first().context("a struct without fields")?.clone(),
            None => outer.clone(),
        };
        match values.data_type() {
            DataType::Binary | DataType::Utf8 => Ok(Self { outer, values }),
            other => bail!("expected binary values or texts, found {other}"),
        }
    }

    fn len(&self) -> usize {
        self.outer.len()
    }

    fn get(&self, index: usize, max_bytes: u64) -> Result<Vec<u8>> {
        ensure!(!self.outer.is_null(index) && !self.values.is_null(index), "found null");
        let bytes = match self.values.as_string_opt::<i32>() {
            Some(texts) => texts.value(index).as_bytes(),
            None => self.values.as_binary::<i32>().value(index),
        };
        let found = bytes.len();
        ensure!(found as u64 <= max_bytes, "expected at most {max_bytes} bytes, found {found}");
        Ok(bytes.to_vec())
    }
}
