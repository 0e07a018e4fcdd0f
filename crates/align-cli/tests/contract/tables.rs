//! `align embed` with Parquet files as input and output.

use crate::run::Folder;
use crate::shards::{embeddings, fields, skips};
use arrow_array::builder::{FixedSizeListBuilder, Float32Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, DictionaryArray, Int32Array, LargeBinaryArray, LargeStringArray,
    RecordBatch, StringArray, StructArray,
};
use arrow_schema::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Type;
use std::fs::File;
use std::sync::Arc;

/// The name of a column, its values, and whether it may have nulls.
type Column<'a> = (&'a str, ArrayRef, bool);

impl Folder {
    fn write_table(&self, name: &str, columns: Vec<Column>) {
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let file = File::create(self.path(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        // Two row groups.
        let half = batch.num_rows() / 2;
        writer.write(&batch.slice(0, half)).unwrap();
        writer.flush().unwrap();
        writer.write(&batch.slice(half, batch.num_rows() - half)).unwrap();
        writer.close().unwrap();
    }
}

#[test]
fn a_table_has_a_row_for_each_embedding() {
    let folder = Folder::new();
    let arguments = ["embed", "text", "a cat", "dogs", "\u{1f408}, \"quoted\""];
    let printed = folder.run(&arguments).json_lines();
    let ran = folder.run(&[&arguments[..], &["--output", "out.parquet"]].concat());
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));

    let file = File::open(folder.path("out.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    // Readers without Arrow see a list of floats with the names that Parquet specifies.
    let leaves = reader.parquet_schema().columns();
    let paths: Vec<_> = leaves.iter().map(|leaf| leaf.path().string()).collect();
    assert_eq!(paths, ["text", "embedding.list.element"]);
    assert_eq!(leaves[1].physical_type(), Type::FLOAT);
    let element = Arc::new(Field::new("element", DataType::Float32, false));
    let list = DataType::FixedSizeList(element, 160);
    assert_eq!(*reader.schema().field(1).data_type(), list);
    assert!(reader.schema().fields().iter().all(|field| !field.is_nullable()));

    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    let [batch] = &batches[..] else { panic!("{} batches", batches.len()) };
    let texts: Vec<_> = batch.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(texts, fields(&printed, "text"));
    let lists = batch.column(1).as_fixed_size_list();
    for (row, line) in printed.iter().enumerate() {
        let expected: Vec<f32> = serde_json::from_value(line["embedding"].clone()).unwrap();
        assert_eq!(lists.value(row).as_primitive::<Float32Type>().values(), &expected[..]);
    }
    assert_eq!(lists.len(), printed.len());
}

#[test]
fn nothing_to_embed_is_an_empty_table() {
    let folder = Folder::new();
    let ran = folder.run_with_input(&["embed", "text", "-", "-o", "out.parquet"], "");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let file = File::open(folder.path("out.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    assert_eq!(reader.schema().fields().len(), 2);
}

#[test]
fn a_table_is_there_in_full_or_not_at_all() {
    let folder = Folder::new();
    let before = folder.files();
    let long = "cat ".repeat(80);
    let arguments = ["embed", "text", "a cat", &long, "--output", "out.parquet"];
    folder.run(&arguments).fails(1, &["text 1 (\"cat cat"]);
    assert_eq!(folder.files(), before);
}

#[test]
fn images_are_bytes_or_structs_with_bytes() {
    let folder = Folder::new();
    let files = ["red.png", "blue.png", "red.png"];
    let files = folder.run(&[&["embed", "image"], &files[..]].concat()).json_lines();
    let (red, blue) = (folder.read("red.png"), folder.read("blue.png"));
    let all = [&red[..], &blue, &red];
    let bytes: ArrayRef = Arc::new(BinaryArray::from_iter_values(all));
    let large: ArrayRef = Arc::new(LargeBinaryArray::from_iter_values(all));
    let paths: ArrayRef = Arc::new(StringArray::from(vec![Some("red.png"), None, Some("red.png")]));
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let pair = StructArray::from(vec![
        (Arc::new(Field::new("bytes", DataType::Binary, true)), bytes.clone()),
        (Arc::new(Field::new("path", DataType::Utf8, true)), paths.clone()),
    ]);
    let tables: [(Vec<Column>, Option<&str>); 5] = [
        (vec![("id", numbers.clone(), false), ("image", bytes.clone(), true)], None),
        (vec![("jpg", large, false)], None),
        (vec![("label", numbers.clone(), false), ("image", Arc::new(pair), true)], None),
        // The most likely name is that of a column of texts here.
        (vec![("image", paths, true), ("bytes", bytes.clone(), false)], None),
        (vec![("image", numbers, false), ("thumbnail", bytes, true)], Some("thumbnail")),
    ];
    for (columns, column) in tables {
        folder.write_table("t.parquet", columns);
        let mut arguments = vec!["embed", "image", "t.parquet"];
        column.iter().for_each(|column| arguments.extend(["--column", column]));
        let lines = folder.run(&arguments).json_lines();
        let names = ["t.parquet/0", "t.parquet/1", "t.parquet/2"];
        assert_eq!(fields(&lines, "image"), names);
        assert_eq!(embeddings(&lines), embeddings(&files));
    }
}

#[test]
fn captions_are_texts_however_they_are_kept() {
    let folder = Folder::new();
    let texts = ["a cat", "the dog", "a cat", "a photo"];
    let printed = folder.run(&[&["embed", "text"], &texts[..]].concat()).json_lines();
    let columns: [ArrayRef; 3] = [
        Arc::new(StringArray::from(texts.to_vec())),
        Arc::new(LargeStringArray::from(texts.to_vec())),
        Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>()),
    ];
    for column in columns {
        folder.write_table("t.parquet", vec![("caption", column.clone(), true)]);
        let lines = folder.run(&["embed", "text", "--from", "t.parquet"]).json_lines();
        assert_eq!(fields(&lines, "text"), texts);
        assert_eq!(fields(&lines, "item")[3], "t.parquet/3");
        assert_eq!(embeddings(&lines), embeddings(&printed));
        folder.write_table("u.parquet", vec![("alt", column, false)]);
        let named = ["embed", "text", "--from", "u.parquet", "--column", "alt"];
        assert_eq!(embeddings(&folder.run(&named).json_lines()), embeddings(&printed));
    }
}

#[test]
fn bad_cells_are_skipped() {
    let folder = Folder::new();
    let red = folder.read("red.png");
    let images = vec![Some(&b"no"[..]), Some(&red), None, Some(&red)];
    let long = "cat ".repeat(80);
    let texts = vec![None, Some("a cat"), Some(&long), Some("the dog")];
    let columns: Vec<Column> = vec![
        ("image", Arc::new(BinaryArray::from(images)), true),
        ("text", Arc::new(StringArray::from(texts)), true),
    ];
    folder.write_table("t.parquet", columns);
    skips(
        &folder,
        &["embed", "image", "t.parquet"],
        "image",
        &["t.parquet/1", "t.parquet/3"],
        &["t.parquet/0: not an image", "t.parquet/2: found null"],
    );
    skips(
        &folder,
        &["embed", "text", "--from", "t.parquet"],
        "item",
        &["t.parquet/1", "t.parquet/3"],
        &["t.parquet/0: found null", "t.parquet/2: text 0 (\"cat cat"],
    );
}

#[test]
fn what_is_no_column_is_said() {
    let folder = Folder::new();
    let mut lists = FixedSizeListBuilder::new(Float32Builder::new(), 1);
    for value in [1.0, 2.0] {
        lists.values().append_value(value);
        lists.append(true);
    }
    let columns: Vec<Column> = vec![
        ("id", Arc::new(Int32Array::from(vec![1, 2])), false),
        ("path", Arc::new(StringArray::from(vec!["a", "b"])), false),
        ("embedding", Arc::new(lists.finish()), true),
    ];
    folder.write_table("t.parquet", columns);
    folder.write("text.parquet", &"this is no table ".repeat(100));
    folder.write("empty.parquet", "");
    let image = |column| ["embed", "image", "t.parquet", "--column", column];
    let cases: [(&[&str], &str); 8] = [
        (
            &["embed", "image", "t.parquet"],
            "t.parquet: expected a column of binary values, or structs with `bytes` named image, \
             jpg, jpeg, png, webp, bytes, or another by --column, found id, path, embedding",
        ),
        (
            &image("jpg"),
            "t.parquet: column \"jpg\": expected binary values, or structs with `bytes`, found only columns id, path, embedding",
        ),
        (
            &image("path"),
            "column \"path\": expected binary values, or structs with `bytes`, found texts",
        ),
        (&image("id"), "found INT32"),
        (
            &["embed", "text", "--from", "t.parquet"],
            "expected a column of texts named text, caption, or another by --column",
        ),
        (&["embed", "image", "text.parquet"], "text.parquet: "),
        (&["embed", "image", "empty.parquet"], "empty.parquet: "),
        (&["embed", "image", "no.parquet"], "no.parquet: No such file"),
    ];
    for (arguments, message) in cases {
        skips(&folder, arguments, "image", &[], &[message]);
    }
}
