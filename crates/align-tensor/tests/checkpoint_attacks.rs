//! Broken and hostile checkpoints. Each is refused in both read modes, with a
//! message that names the file, the tensor, what was expected and what was found.

use std::fs;
use std::path::Path;

use align_tensor::{Checkpoint, CheckpointError, ReadMode, TensorSource};
use align_testing::error_chain;
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

const MODES: [ReadMode; 2] = [ReadMode::Mmap, ReadMode::Read];

/// A file with this header, its true length and this data.
fn safetensors(header: impl AsRef<[u8]>, data: &[u8]) -> Vec<u8> {
    let header = header.as_ref();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    file
}

/// The header's entry of a tensor.
fn entry(name: &str, dtype: &str, shape: &str, start: u64, end: u64) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{end}]}}"#)
}

/// The header of these entries.
fn header(entries: &[String]) -> String {
    format!("{{{}}}", entries.join(","))
}

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// The message with which a folder is refused, without the path of the folder.
fn refusal(folder: &Path) -> String {
    let [mapped, read] = MODES.map(|mode| match Checkpoint::open(folder, mode) {
        Ok(checkpoint) => panic!("accepted: {checkpoint:?}"),
        Err(error) => error_chain(&error),
    });
    assert_eq!(mapped, read);
    mapped.replace(&folder.join("").display().to_string(), "")
}

/// Checks the message with which a `model.safetensors` of these bytes is refused.
#[track_caller]
fn assert_refused(file: &[u8], message: &str) {
    let folder = folder(&[("model.safetensors", file)]);
    assert_eq!(refusal(folder.path()), format!("model.safetensors: {message}"));
}

/// As [`assert_refused`], for a message that ends with that of the JSON parser.
#[track_caller]
fn assert_invalid_header(header: impl AsRef<[u8]>, cause: &str) {
    let folder = folder(&[("model.safetensors", &safetensors(header, &[0; 4]))]);
    let message = refusal(folder.path());
    let start = "model.safetensors: the header is not a safetensors header: ";
    assert!(message.starts_with(start), "{message}");
    assert!(message.contains(cause), "{message}");
    assert!(message.contains("at line 1 column "), "{message}");
}

// The folder.

#[test]
fn missing_folder() {
    let folder = tempdir().unwrap();
    let missing = folder.path().join("absent");
    for mode in MODES {
        let error = Checkpoint::open(&missing, mode).unwrap_err();
        let expected =
            format!("{}: no such folder, expected a checkpoint folder", missing.display());
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn folder_without_checkpoint() {
    let folder = folder(&[("pytorch_model.bin", b"")]);
    let expected = format!(
        "{}: no checkpoint here, expected model.safetensors or model.safetensors.index.json \
         (other formats are not supported)",
        folder.path().display()
    );
    assert_eq!(refusal(folder.path()), expected);
}

#[test]
fn folder_in_place_of_file() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("model.safetensors")).unwrap();
    let expected = "model.safetensors: expected a regular file, found something else";
    assert_eq!(refusal(folder.path()), expected);
}

#[test]
fn missing_file() {
    let path = Path::new("absent.safetensors");
    for mode in MODES {
        let error = Checkpoint::open_file(path, mode).unwrap_err();
        assert!(matches!(&error, CheckpointError::Io { file, .. } if file == path));
        assert!(error_chain(&error).starts_with("absent.safetensors: cannot read: "), "{error}");
    }
}

// The header's length.

#[test]
fn empty_file() {
    let message = "too short: expected at least 8 bytes of header length, found 0 bytes";
    assert_refused(&[], message);
}

#[test]
fn file_shorter_than_header_length() {
    let message = "too short: expected at least 8 bytes of header length, found 7 bytes";
    assert_refused(&[0; 7], message);
}

#[test]
fn header_length_zero() {
    let folder = folder(&[("model.safetensors", &[0; 8])]);
    let message = refusal(folder.path());
    assert!(message.contains("not a safetensors header: EOF while parsing"), "{message}");
}

#[test]
fn header_length_huge() {
    assert_refused(
        &u64::MAX.to_le_bytes(),
        "header too long: expected at most 100000000 bytes, found a length of 18446744073709551615",
    );
    assert_refused(
        &100_000_001u64.to_le_bytes(),
        "header too long: expected at most 100000000 bytes, found a length of 100000001",
    );
}

#[test]
fn header_longer_than_file() {
    let mut file = 100_000_000u64.to_le_bytes().to_vec();
    file.extend(b"{}");
    assert_refused(
        &file,
        "truncated or not a safetensors file: the header has 100000000 bytes, \
         but only 2 follow its length",
    );
}

#[test]
fn header_length_cuts_header() {
    let mut file = safetensors(header(&[entry("w", "F32", "[1]", 0, 4)]), &[0; 4]);
    file[0] -= 1;
    let folder = folder(&[("model.safetensors", &file)]);
    let message = refusal(folder.path());
    assert!(message.contains("EOF while parsing an object at line 1 column "), "{message}");
}

// The header's text.

#[test]
fn header_not_utf8() {
    assert_refused(
        &safetensors(b"{\"\xff\":0}", &[]),
        "the header is not UTF-8: invalid utf-8 sequence of 1 bytes from index 2",
    );
}

#[test]
fn header_not_json() {
    assert_invalid_header("{w}", "key must be a string");
    assert_invalid_header("[]", "invalid type: sequence, expected an object of tensors by name");
    assert_invalid_header("{} {}", "trailing characters");
    assert_invalid_header(b"{}\0", "trailing characters");
}

#[test]
fn entry_of_wrong_form() {
    let cause = r#"tensor "w": missing field `data_offsets`"#;
    assert_invalid_header(r#"{"w":{"dtype":"F32","shape":[1]}}"#, cause);
    let cause = r#"tensor "w": duplicate field `shape`"#;
    assert_invalid_header(
        r#"{"w":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}"#,
        cause,
    );
    for shape in ["[-1]", "[1.0]", "[1e0]", "[18446744073709551616]", "[\"1\"]", "1", "[[1]]"] {
        let cause = r#"tensor "w": invalid "#;
        assert_invalid_header(header(&[entry("w", "F32", shape, 0, 4)]), cause);
    }
    assert_invalid_header(
        r#"{"__metadata__":{"format":1},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        "invalid type: integer `1`, expected a string",
    );
}

#[test]
fn unknown_dtype() {
    for dtype in ["F33", "f32", "Float32", ""] {
        let cause = format!(r#"tensor "w": unknown variant `{dtype}`, expected one of "#);
        assert_invalid_header(header(&[entry("w", dtype, "[1]", 0, 4)]), &cause);
    }
}

#[test]
fn deep_nesting() {
    let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_invalid_header(format!("{open}{close}"), "invalid type: sequence");
    assert_invalid_header(format!(r#"{{"w":{open}{close}}}"#), r#"tensor "w": "#);
    let shape = format!("{open}{close}");
    assert_invalid_header(header(&[entry("w", "F32", &shape, 0, 4)]), r#"tensor "w": "#);
    // A field that is not read must not overflow the stack either.
    assert_invalid_header(format!(r#"{{"w":{{"extra":{open}"#), r#"tensor "w": "#);
}

#[test]
fn duplicate_name() {
    let twice =
        |second: &str| header(&[entry("w", "F32", "[1]", 0, 4), entry(second, "F32", "[1]", 4, 8)]);
    assert_refused(&safetensors(twice("w"), &[0; 8]), r#"tensor "w" is described twice"#);
    // The same name spelt with an escape.
    assert_refused(&safetensors(twice("\\u0077"), &[0; 8]), r#"tensor "w" is described twice"#);
}

#[test]
fn control_characters_in_name_are_escaped() {
    let name = "\\u001b[31mw\\n";
    assert_refused(
        &safetensors(header(&[entry(name, "F32", "[1]", 0, 4)]), &[]),
        r#"truncated: tensor "\u{1b}[31mw\n" ends at 4 of the data, but the file holds 0 bytes of data"#,
    );
}

// Shapes and offsets.

#[test]
fn size_overflow() {
    // 2^64 elements; then 2^62 elements of 32 bits; both wrap to 0.
    for shape in ["[4294967296, 4294967296]", "[4611686018427387904]"] {
        assert_refused(
            &safetensors(header(&[entry("w", "F32", shape, 0, 0)]), &[]),
            &format!(r#"tensor "w": the size of F32 elements in shape {shape} overflows"#),
        );
    }
}

#[test]
fn partial_byte() {
    assert_refused(
        &safetensors(header(&[entry("w", "F4", "[3]", 0, 2)]), &[0; 2]),
        r#"tensor "w": F4 elements in shape [3] end inside a byte"#,
    );
}

#[test]
fn reversed_offsets() {
    assert_refused(
        &safetensors(header(&[entry("w", "F32", "[1]", 4, 0)]), &[0; 4]),
        r#"tensor "w": its data ends at 0, before its start at 4"#,
    );
}

#[test]
fn length_against_shape() {
    for (end, data) in [(8, [0; 8]), (16, [0; 8])] {
        assert_refused(
            &safetensors(header(&[entry("w", "F32", "[3]", 0, end)]), &data),
            &format!(
                r#"tensor "w": expected 12 bytes for F32 elements in shape [3], found offsets {end} bytes apart"#
            ),
        );
    }
}

#[test]
fn overlap() {
    let entries = [entry("a", "F32", "[2]", 0, 8), entry("b", "F32", "[2]", 4, 12)];
    assert_refused(
        &safetensors(header(&entries), &[0; 12]),
        r#"tensor "b" starts at 4, inside the previous tensor: expected 8"#,
    );
    let same = [entry("a", "F32", "[1]", 0, 4), entry("b", "F32", "[1]", 0, 4)];
    assert_refused(
        &safetensors(header(&same), &[0; 4]),
        r#"tensor "b" starts at 0, inside the previous tensor: expected 4"#,
    );
}

#[test]
fn hole() {
    let entries = [entry("a", "F32", "[1]", 0, 4), entry("b", "F32", "[1]", 8, 12)];
    assert_refused(
        &safetensors(header(&entries), &[0; 12]),
        r#"tensor "b" starts at 8, after a hole: expected 4"#,
    );
    assert_refused(
        &safetensors(header(&[entry("w", "F32", "[1]", 4, 8)]), &[0; 8]),
        r#"tensor "w" starts at 4, after a hole: expected 0"#,
    );
}

#[test]
fn truncated_data() {
    assert_refused(
        &safetensors(header(&[entry("w", "F32", "[2]", 0, 8)]), &[0; 7]),
        r#"truncated: tensor "w" ends at 8 of the data, but the file holds 7 bytes of data"#,
    );
}

#[test]
fn offsets_far_out_of_range() {
    // A consistent entry of a terabyte, and offsets near the largest u64.
    assert_refused(
        &safetensors(header(&[entry("w", "U8", "[1099511627776]", 0, 1 << 40)]), &[0; 8]),
        r#"truncated: tensor "w" ends at 1099511627776 of the data, but the file holds 8 bytes of data"#,
    );
    assert_refused(
        &safetensors(header(&[entry("w", "U8", "[8]", u64::MAX - 8, u64::MAX)]), &[0; 8]),
        r#"tensor "w" starts at 18446744073709551607, after a hole: expected 0"#,
    );
}

#[test]
fn trailing_bytes() {
    assert_refused(
        &safetensors(header(&[entry("w", "F32", "[1]", 0, 4)]), &[0; 5]),
        "expected 4 bytes of data, found 5",
    );
    assert_refused(&safetensors("{}", &[0]), "expected 0 bytes of data, found 1");
}

// One tensor.

#[test]
fn tensors_that_do_not_fit_the_model() {
    let entries = [
        entry("w", "F32", "[2, 3]", 0, 24),
        entry("n", "I64", "[]", 24, 32),
        entry("d", "F64", "[1]", 32, 40),
    ];
    let folder = folder(&[("model.safetensors", &safetensors(header(&entries), &[0; 40]))]);
    for mode in MODES {
        let checkpoint = Checkpoint::open(folder.path(), mode).unwrap();
        let refusal = |name: &str, shape: &[usize]| {
            let message = checkpoint.tensor(name, shape).unwrap_err().to_string();
            message.replace(&format!("{}: ", checkpoint.path().display()), "")
        };
        assert_eq!(refusal("absent", &[2, 3]), r#"tensor "absent" is missing"#);
        for shape in [&[3, 2][..], &[6], &[2, 3, 1], &[]] {
            let expected = format!(r#"tensor "w": expected shape {shape:?}, found [2, 3]"#);
            assert_eq!(refusal("w", shape), expected);
        }
        let types = "expected F32, F16 or BF16 elements, found";
        assert_eq!(refusal("n", &[]), format!(r#"tensor "n": {types} I64"#));
        assert_eq!(refusal("d", &[1]), format!(r#"tensor "d": {types} F64"#));
        assert_eq!(checkpoint.tensor("w", &[2, 3]).unwrap().len(), 6);
    }
}

#[test]
fn file_cut_after_opening_is_an_error_when_read() {
    let file = safetensors(header(&[entry("w", "F32", "[2]", 0, 8)]), &[0; 8]);
    let folder = folder(&[("model.safetensors", &file)]);
    let checkpoint = Checkpoint::open(folder.path(), ReadMode::Read).unwrap();
    fs::write(checkpoint.path(), &file[..file.len() - 1]).unwrap();
    let error = checkpoint.tensor("w", &[2]).unwrap_err();
    let expected = format!(
        r#"{}: tensor "w": cannot read: failed to fill whole buffer"#,
        checkpoint.path().display()
    );
    assert_eq!(error_chain(&error), expected);
}

// The index.

/// The message with which a folder of this index and one valid shard `s`, which
/// holds the tensor `w`, is refused.
fn index_refusal(index: &str) -> String {
    let shard = safetensors(header(&[entry("w", "F32", "[1]", 0, 4)]), &[0; 4]);
    let folder = folder(&[("model.safetensors.index.json", index.as_bytes()), ("s", &shard)]);
    // A file that a path traversal would reach.
    fs::create_dir(folder.path().join("inner")).unwrap();
    fs::write(folder.path().join("inner/s"), &shard).unwrap();
    refusal(folder.path())
}

#[test]
fn index_is_not_an_index() {
    for (index, cause) in [
        ("", "EOF while parsing a value"),
        ("{}", "missing field `weight_map`"),
        (r#"{"weight_map":[]}"#, "invalid type: sequence, expected an object of tensors by name"),
        (
            r#"{"weight_map":{"w":1}}"#,
            r#"tensor "w": invalid type: integer `1`, expected a string"#,
        ),
        (r#"{"weight_map":{"w":"s"}"#, "EOF while parsing an object"),
    ] {
        let message = index_refusal(index);
        let start = "model.safetensors.index.json: not an index of shards: ";
        assert!(message.starts_with(start) && message.contains(cause), "{message}");
    }
}

#[test]
fn index_maps_a_tensor_twice() {
    assert_eq!(
        index_refusal(r#"{"weight_map":{"w":"s","w":"s"}}"#),
        r#"model.safetensors.index.json: tensor "w" is described twice"#
    );
}

#[test]
fn index_names_a_missing_shard() {
    assert_eq!(
        index_refusal(r#"{"weight_map":{"w":"t"}}"#),
        r#"model.safetensors.index.json: shard "t" is missing from the folder"#
    );
}

#[test]
fn index_leaves_the_folder() {
    let names = [
        "",
        ".",
        "..",
        "./s",
        "s/",
        "s/.",
        "../s",
        "inner/s",
        "inner/../s",
        "/s",
        "/etc/passwd",
        "inner\\s",
        "..\\s",
        "C:s",
        "C:\\s",
        "s\0",
        "s:stream",
    ];
    for name in names {
        let quoted = serde_json::to_string(name).unwrap();
        assert_eq!(
            index_refusal(&format!(r#"{{"weight_map":{{"w":{quoted}}}}}"#)),
            format!(
                "model.safetensors.index.json: tensor \"w\": \
                 expected the name of a file next to the index, found {name:?}"
            )
        );
    }
}

#[test]
fn index_maps_a_tensor_to_a_shard_without_it() {
    assert_eq!(
        index_refusal(r#"{"weight_map":{"v":"s","w":"s"}}"#),
        r#"model.safetensors.index.json: tensor "v" is not in shard "s""#
    );
}

#[test]
fn shard_is_broken() {
    let folder = folder(&[
        ("model.safetensors.index.json", br#"{"weight_map":{"w":"s"}}"#),
        ("s", &safetensors(header(&[entry("w", "F32", "[1]", 0, 4)]), &[0; 3])),
    ]);
    assert_eq!(
        refusal(folder.path()),
        r#"s: truncated: tensor "w" ends at 4 of the data, but the file holds 3 bytes of data"#
    );
}

#[test]
fn index_of_absurd_size() {
    let folder = folder(&[]);
    let index = fs::File::create(folder.path().join("model.safetensors.index.json")).unwrap();
    index.set_len(100_000_001).unwrap(); // sparse: uses no disk space
    assert_eq!(
        refusal(folder.path()),
        "model.safetensors.index.json: index too long: \
         expected at most 100000000 bytes, found 100000001"
    );
}

// Anything.

/// Opens and reads everything in both modes, which must agree.
fn exercise(file: &[u8]) {
    let folder = folder(&[("model.safetensors", file)]);
    let outcomes = MODES.map(|mode| {
        let checkpoint = Checkpoint::open(folder.path(), mode).map_err(|e| error_chain(&e))?;
        let bits = |name: &str| {
            let shape = &checkpoint.info(name).unwrap().shape;
            let values = checkpoint.tensor(name, shape).map_err(|e| error_chain(&e))?;
            Ok(values.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        };
        let tensors: Vec<Result<_, String>> = checkpoint.names().map(bits).collect();
        let non_finite = checkpoint.scan_non_finite().map_err(|e| error_chain(&e))?;
        assert!(checkpoint.parameters() <= file.len());
        Ok::<_, String>((tensors, non_finite))
    });
    assert_eq!(outcomes[0], outcomes[1]);
}

fn small_checkpoint() -> Vec<u8> {
    let entries = [
        r#""__metadata__":{"format":"pt"}"#.to_owned(),
        entry("a", "F32", "[2, 3]", 0, 24),
        entry("b", "BF16", "[3]", 24, 30),
        entry("c", "F16", "[1, 1]", 30, 32),
        entry("d", "I64", "[]", 32, 40),
    ];
    safetensors(header(&entries), &[0x3c; 40])
}

#[test]
fn the_file_that_is_mutated_below_is_valid() {
    let folder = folder(&[("model.safetensors", &small_checkpoint())]);
    let checkpoint = Checkpoint::open(folder.path(), ReadMode::Mmap).unwrap();
    assert_eq!(checkpoint.names().collect::<String>(), "abcd");
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes);
    }

    #[test]
    fn arbitrary_headers_do_not_panic(header in any::<String>(), data in 0..20usize) {
        exercise(&safetensors(header, &vec![0; data]));
    }

    #[test]
    fn mutated_files_do_not_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        digits in prop::collection::vec((any::<prop::sample::Index>(), b'0'..=b'9'), 0..3),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut file = small_checkpoint();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        // Changed digits keep the JSON valid and break its numbers.
        for (at, digit) in digits {
            let places: Vec<_> = (8..file.len()).filter(|&i| file[i].is_ascii_digit()).collect();
            if !places.is_empty() {
                file[places[at.index(places.len())]] = digit;
            }
        }
        if cut {
            file.truncate(length.index(file.len()));
        }
        exercise(&file);
    }
}
