use crate::shards::{Item, Shard, ShardFormat};
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

/// The image of a row: bytes that differ between rows, or null.
fn image(row: usize) -> Option<Vec<u8>> {
    (row % 5 != 3).then(|| vec![row as u8; 10 + row % 7])
}

/// A table of 40 rows.
fn file(properties: WriterProperties) -> Vec<u8> {
    let images: Vec<Option<Vec<u8>>> = (0..40).map(image).collect();
    let images = BinaryArray::from_iter(images.iter().map(|x| x.as_deref()));
    let texts = StringArray::from_iter_values((0..40).map(|i| format!("text {i}")));
    let columns: [(&str, ArrayRef, bool); 2] =
        [("image", Arc::new(images), true), ("text", Arc::new(texts), false)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// The message of an error, followed by those of its sources.
fn full_message(error: &dyn Error) -> String {
    let sources = std::iter::successors(error.source(), |&error| error.source());
    sources.fold(error.to_string(), |message, source| format!("{message}: {source}"))
}

type Cells = Vec<(String, Result<Vec<u8>, String>)>;

/// Every cell of a file, or its error, as images and then as captions.
fn read(bytes: &[u8]) -> Cells {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    std::fs::write(&path, bytes).unwrap();
    let cells = read_shard(&Shard::from_path(&path).unwrap().unwrap(), path.to_str().unwrap());
    let in_memory = Shard::from_bytes("in memory", ShardFormat::Parquet, bytes);
    assert_eq!(read_shard(&in_memory, "in memory"), cells);
    cells
}

fn read_shard(shard: &Shard, name: &str) -> Cells {
    let mut items = Vec::new();
    let mut receive = |item: Item<Vec<u8>>| {
        let name = item.name.replace(name, "t");
        items.push((name, item.content.map_err(|error| full_message(&error))));
        Ok::<_, Infallible>(())
    };
    let Ok(()) = shard.images(None, 1000, &mut receive);
    let Ok(()) = shard.captions(None, &mut |Item { name, content }| {
        receive(Item { name, content: content.map(String::into_bytes) })
    });
    items
}

/// The cells of [`file`].
fn rows() -> Cells {
    let null = || Err("found null".to_owned());
    let images = (0..40).map(|i| image(i).map_or_else(null, Ok));
    let texts = (0..40).map(|i| Ok(format!("text {i}").into_bytes()));
    let numbered = |(i, cell)| (format!("t/{i}"), cell);
    images.enumerate().chain(texts.enumerate()).map(numbered).collect()
}

#[test]
fn cells_come_back_however_they_are_written() {
    let defaults = WriterProperties::builder;
    for properties in [
        defaults(),
        defaults().set_writer_version(WriterVersion::PARQUET_2_0),
        defaults().set_dictionary_enabled(false),
        defaults()
            .set_dictionary_enabled(false)
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_encoding(Encoding::DELTA_LENGTH_BYTE_ARRAY),
        defaults().set_dictionary_enabled(false).set_encoding(Encoding::DELTA_LENGTH_BYTE_ARRAY),
        // Many pages, many row groups.
        defaults().set_data_page_row_count_limit(3).set_write_batch_size(3),
        defaults().set_max_row_group_row_count(Some(7)),
    ] {
        assert_eq!(read(&file(properties.build())), rows());
    }
}

#[test]
fn damage_is_an_error_or_a_value() {
    let properties = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None);
    let whole = file(properties.build());
    for end in (0..whole.len()).step_by(5) {
        let items = read(&whole[..end]);
        assert!(items.len() == 2 && items.iter().all(|(_, item)| item.is_err()), "{end}");
    }
    let mut errors = 0;
    for at in 0..whole.len() {
        for change in [0x01, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            errors += read(&bytes).iter().filter(|(_, item)| item.is_err()).count();
        }
    }
    assert!(errors > 0);
}

#[test]
fn an_encoding_that_is_not_read_is_named() {
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BYTE_ARRAY);
    let items = read(&file(properties.build()));
    let [(name, Err(error)), _] = &items[..] else { panic!("{items:?}") };
    assert_eq!(name, "t");
    assert!(error.contains("from row 0: ") && error.contains("found DELTA_BYTE_ARRAY"), "{error}");
}
