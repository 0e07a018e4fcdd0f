//! Parquet: one column of strings for each name, and a column `embedding` of lists of `width` floats.

use super::Sink;
use crate::output::OutputFile;
use anyhow::{Context, Result, anyhow, ensure};
use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use ndarray::ArrayView2;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::sync::Arc;

/// The size at which a row group is written. It bounds memory.
const ROW_GROUP_BYTES: usize = 32 << 20;

pub(super) struct Parquet {
    writer: ArrowWriter<OutputFile>,
    schema: Arc<Schema>,
    element: Arc<Field>,
    width: i32,
}

impl Parquet {
    pub(super) fn new<const N: usize>(
        file: OutputFile,
        columns: [&'static str; N],
        width: usize,
    ) -> Result<Self> {
        let width = i32::try_from(width).context("the embeddings are too long for Parquet")?;
        let element = Arc::new(Field::new("element", DataType::Float32, false));
        let list = DataType::FixedSizeList(element.clone(), width);
        let strings = columns.iter().map(|name| Field::new(*name, DataType::Utf8, false));
        let fields: Vec<_> = strings.chain([Field::new("embedding", list, false)]).collect();
        let schema = Arc::new(Schema::new(fields));
        // Embeddings hardly compress, names hardly repeat, and range queries on either are unlikely.
        let properties = WriterProperties::builder()
            .set_created_by(concat!("align-rs ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_max_row_group_row_count(None)
            .build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))?;
        Ok(Self { writer, schema, element, width })
    }
}

impl<const N: usize> Sink<N> for Parquet {
    fn write(&mut self, names: &[[String; N]], embeddings: ArrayView2<f32>) -> Result<()> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(N + 1);
        for column in 0..N {
            let strings = || names.iter().map(|row| row[column].as_str());
            let bytes: usize = strings().map(str::len).sum();
            ensure!(i32::try_from(bytes).is_ok(), "a batch of names has {bytes} bytes");
            columns.push(Arc::new(StringArray::from_iter_values(strings())));
        }
        let values = Float32Array::from_iter_values(embeddings.iter().copied());
        let (element, values) = (self.element.clone(), Arc::new(values));
        columns.push(Arc::new(FixedSizeListArray::try_new(element, self.width, values, None)?));
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        self.writer.write(&batch).map_err(unwrapped)?;
        if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(unwrapped)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(self.writer.into_inner().map_err(unwrapped)?.commit()?)
    }
}

/// The error of the output file, which the Parquet library wraps, or the error of the library.
fn unwrapped(error: ParquetError) -> anyhow::Error {
    match error {
        ParquetError::External(source) => anyhow!("{source}"),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Float32Type;
    use ndarray::Array2;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use std::fs::File;

    #[test]
    fn rows_come_back_from_groups_of_bounded_size() {
        const WIDTH: usize = 640;
        const ROWS: usize = 1000;
        const BATCHES: usize = 30;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.parquet");
        let file = OutputFile::create(&path).unwrap();
        let mut sink = Box::new(Parquet::new(file, ["item", "text"], WIDTH).unwrap());
        let value = |row: usize, column: usize| (row * WIDTH + column) as f32;
        for batch in 0..BATCHES {
            let row = |i: usize| batch * ROWS + i;
            let names: Vec<_> =
                (0..ROWS).map(|i| [format!("i{}", row(i)), format!("t{}", row(i))]).collect();
            let values = Array2::from_shape_fn((ROWS, WIDTH), |(i, column)| value(row(i), column));
            sink.write(&names, values.view()).unwrap();
        }
        Sink::<2>::finish(sink).unwrap();

        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
        let batch_bytes = ROWS * WIDTH * size_of::<f32>();
        let groups: Vec<_> =
            reader.metadata().row_groups().iter().map(|g| g.total_byte_size() as usize).collect();
        let whole = &groups[..groups.len() - 1];
        assert!(!whole.is_empty(), "{groups:?}");
        for size in whole {
            assert!((ROW_GROUP_BYTES..ROW_GROUP_BYTES + 2 * batch_bytes).contains(size), "{size}");
        }
        let mut row = 0;
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let (items, texts) =
                (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            let lists = batch.column(2).as_fixed_size_list();
            for i in 0..batch.num_rows() {
                assert_eq!(
                    (items.value(i), texts.value(i)),
                    (&*format!("i{row}"), &*format!("t{row}"))
                );
                let list = lists.value(i);
                let list = list.as_primitive::<Float32Type>();
                assert_eq!(list.len(), WIDTH);
                assert_eq!((list.value(0), list.value(639)), (value(row, 0), value(row, 639)));
                row += 1;
            }
        }
        assert_eq!(row, BATCHES * ROWS);
    }
}
