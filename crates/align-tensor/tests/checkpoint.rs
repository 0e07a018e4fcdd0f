//! Checkpoints are read as they were written: every type, both modes, one file or many.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use align_tensor::{Checkpoint, Dtype, NonFinite, ReadMode, TensorSource, Weights};
use proptest::prelude::*;
use safetensors::tensor::{TensorView, serialize_to_file};
use tempfile::{TempDir, tempdir};

const MODES: [ReadMode; 2] = [ReadMode::Mmap, ReadMode::Read];

/// A tensor as a file holds it.
#[derive(Debug, Clone)]
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    fn f32(values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        Self { dtype: Dtype::F32, shape: vec![values.len()], bytes }
    }
}

type Tensors = BTreeMap<String, Tensor>;

fn write(path: &Path, tensors: &Tensors) {
    let views = tensors.iter().map(|(name, tensor)| {
        (name, TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes).unwrap())
    });
    serialize_to_file(views, None, path).unwrap();
}

fn folder(tensors: &Tensors) -> TempDir {
    let folder = tempdir().unwrap();
    write(&folder.path().join("model.safetensors"), tensors);
    folder
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny").join(name)
}

/// The value of IEEE binary16 bits, by its definition.
fn f16_value(bits: u16) -> f32 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 31);
    let fraction = f32::from(bits & 1023) / 1024.0;
    sign * match exponent {
        0 => fraction * 2f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2f32.powi(exponent - 15),
    }
}

/// The values of a tensor, element by element.
fn values(tensor: &Tensor) -> Vec<f32> {
    let halves = || tensor.bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    match tensor.dtype {
        Dtype::F32 => {
            let words = tensor.bytes.chunks_exact(4);
            words.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
        }
        Dtype::F16 => halves().map(f16_value).collect(),
        // bfloat16 is the upper half of a binary32.
        Dtype::BF16 => halves().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
        other => panic!("{other} has no values here"),
    }
}

/// Checks that values have equal bits, except the payload of a NaN.
fn assert_same(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
        assert!(same, "{found} is not {expected}");
    }
}

fn arbitrary_tensor() -> impl Strategy<Value = Tensor> {
    let dtype = prop_oneof![
        Just(Dtype::F32),
        Just(Dtype::F16),
        Just(Dtype::BF16),
        Just(Dtype::I64),
        Just(Dtype::BOOL),
    ];
    (dtype, prop::collection::vec(0..6usize, 0..4)).prop_flat_map(|(dtype, shape)| {
        let length = shape.iter().product::<usize>() * dtype.bitsize() / 8;
        prop::collection::vec(any::<u8>(), length).prop_map(move |bytes| Tensor {
            dtype,
            shape: shape.clone(),
            bytes,
        })
    })
}

/// Checks a checkpoint against the tensors that it was written from.
fn check(checkpoint: &Checkpoint, tensors: &Tensors) {
    assert!(checkpoint.names().eq(tensors.keys().map(String::as_str)));
    let mut parameters = 0;
    for (name, tensor) in tensors {
        let info = checkpoint.info(name).unwrap();
        assert_eq!((info.dtype, &info.shape), (tensor.dtype, &tensor.shape));
        assert!(checkpoint.contains(name));
        if info.is_float() {
            parameters += values(tensor).len();
            assert_same(&checkpoint.tensor(name, &tensor.shape).unwrap(), &values(tensor));
        } else {
            checkpoint.tensor(name, &tensor.shape).unwrap_err();
        }
    }
    assert_eq!(checkpoint.parameters(), parameters);
}

proptest! {
    #[test]
    fn reads_what_was_written(
        tensors in prop::collection::btree_map(".{0,8}", arbitrary_tensor(), 0..8),
    ) {
        let folder = folder(&tensors);
        for mode in MODES {
            let checkpoint = Checkpoint::open(folder.path(), mode).unwrap();
            check(&checkpoint, &tensors);
            let size = fs::metadata(checkpoint.path()).unwrap().len();
            prop_assert_eq!(checkpoint.file_size(), size);
        }
    }

    #[test]
    fn reads_what_was_written_in_shards(
        tensors in prop::collection::btree_map("[a-z.]{1,8}", (arbitrary_tensor(), 0..3usize), 0..8),
    ) {
        let folder = tempdir().unwrap();
        let name = |shard: usize| format!("model-{shard}.safetensors");
        let mut shards = [const { Tensors::new() }; 3];
        for (tensor_name, (tensor, shard)) in &tensors {
            shards[*shard].insert(tensor_name.clone(), tensor.clone());
        }
        for (i, shard) in shards.iter_mut().enumerate() {
            // A tensor that the index does not map is not in the checkpoint.
            shard.insert("NOT MAPPED".to_owned(), Tensor::f32(&[1.0]));
            write(&folder.path().join(name(i)), shard);
        }
        let map: BTreeMap<_, _> = tensors.iter().map(|(n, (_, shard))| (n, name(*shard))).collect();
        let index = serde_json::json!({ "metadata": { "total_size": 0 }, "weight_map": map });
        fs::write(folder.path().join("model.safetensors.index.json"), index.to_string()).unwrap();

        let whole = tensors.into_iter().map(|(name, (tensor, _))| (name, tensor)).collect();
        for mode in MODES {
            check(&Checkpoint::open(folder.path(), mode).unwrap(), &whole);
        }
    }
}

#[test]
fn every_half_precision_value_is_widened_exactly() {
    let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    let all = |dtype| Tensor { dtype, shape: vec![1 << 16], bytes: bytes.clone() };
    let tensors =
        Tensors::from([("f16".into(), all(Dtype::F16)), ("bf16".into(), all(Dtype::BF16))]);
    let folder = folder(&tensors);
    for mode in MODES {
        check(&Checkpoint::open(folder.path(), mode).unwrap(), &tensors);
    }
}

#[test]
fn f32_is_borrowed_if_it_is_mapped_and_aligned() {
    let folder = folder(&Tensors::from([("w".into(), Tensor::f32(&[1.0, 2.0]))]));
    let mapped = Checkpoint::open(folder.path(), ReadMode::Mmap).unwrap();
    let borrowed = matches!(mapped.tensor("w", &[2]).unwrap(), Cow::Borrowed(_));
    assert_eq!(borrowed, cfg!(target_endian = "little"));
    let read = Checkpoint::open(folder.path(), ReadMode::Read).unwrap();
    assert!(matches!(read.tensor("w", &[2]).unwrap(), Cow::Owned(_)));
}

#[test]
fn unaligned_tensors_are_copied() {
    // Header lengths of every remainder modulo 8, and one byte in front of the floats.
    let header = r#"{"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},"h":{"dtype":"F16","shape":[1],"data_offsets":[9,11]}}"#;
    for padding in 0..8 {
        let header = format!("{header}{}", " ".repeat(padding));
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.push(7);
        file.extend([1.5f32, -2.5].iter().flat_map(|x| x.to_le_bytes()));
        file.extend(0x3c00u16.to_le_bytes());
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("model.safetensors"), file).unwrap();
        for mode in MODES {
            let checkpoint = Checkpoint::open(folder.path(), mode).unwrap();
            assert_eq!(*checkpoint.tensor("w", &[2]).unwrap(), [1.5, -2.5]);
            assert_eq!(*checkpoint.tensor("h", &[1]).unwrap(), [1.0]);
        }
    }
}

#[test]
fn single_file_is_preferred_to_index() {
    let folder = folder(&Tensors::from([("w".into(), Tensor::f32(&[1.0]))]));
    fs::write(folder.path().join("model.safetensors.index.json"), "not JSON").unwrap();
    let checkpoint = Checkpoint::open(folder.path(), ReadMode::Mmap).unwrap();
    assert!(checkpoint.path().ends_with("model.safetensors"));
}

#[test]
fn parameters_are_counted_as_the_oracle_counts_them() {
    // `total_parameters` is the oracle's `num_parameters()`.
    let index = fs::read(fixture("sharded/model.safetensors.index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    let expected = index["metadata"]["total_parameters"].as_u64().unwrap();
    for mode in MODES {
        let checkpoint = Checkpoint::open(fixture("sharded"), mode).unwrap();
        assert_eq!(checkpoint.parameters() as u64, expected);
        assert!(checkpoint.names().any(|name| name.ends_with("running_mean")));
        assert!(checkpoint.names().any(|name| name.ends_with("num_batches_tracked")));
    }
}

#[test]
fn fixtures_are_equal_in_both_modes() {
    for name in ["base", "sharded", "half-f16", "half-bf16", "legacy"] {
        let [mapped, read] = MODES.map(|mode| Checkpoint::open(fixture(name), mode).unwrap());
        assert!(mapped.names().eq(read.names()));
        for tensor in mapped.names() {
            let info = mapped.info(tensor).unwrap();
            if info.is_float() {
                let [mapped, read] =
                    [&mapped, &read].map(|from| from.tensor(tensor, &info.shape).unwrap());
                assert_eq!(mapped, read, "{name}: {tensor}");
            }
        }
        assert_eq!(mapped.scan_non_finite().unwrap(), []);
    }
}

#[test]
fn scan_finds_nan_and_infinity() {
    let half = |dtype, bits: &[u16]| Tensor {
        dtype,
        shape: vec![bits.len()],
        bytes: bits.iter().flat_map(|x| x.to_le_bytes()).collect(),
    };
    let folder = folder(&Tensors::from([
        ("a".into(), Tensor::f32(&[1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY])),
        ("b".into(), Tensor::f32(&[f32::MAX, f32::MIN_POSITIVE])),
        ("c".into(), half(Dtype::F16, &[0x7c00, 0x7bff])), // infinity, the largest number
        ("d".into(), half(Dtype::BF16, &[0x7f7f, 0xffc0])), // the largest number, NaN
        ("e".into(), Tensor { dtype: Dtype::I64, shape: vec![], bytes: vec![0xff; 8] }),
    ]));
    let found = |name: &str, nans, infinities| NonFinite { name: name.into(), nans, infinities };
    for mode in MODES {
        let checkpoint = Checkpoint::open(folder.path(), mode).unwrap();
        assert_eq!(
            checkpoint.scan_non_finite().unwrap(),
            [found("a", 1, 2), found("c", 0, 1), found("d", 1, 0)]
        );
    }
}

#[test]
fn weights_join_names() {
    let folder = folder(&Tensors::from([
        ("top".into(), Tensor::f32(&[1.0])),
        ("encoder.layer.10.bias".into(), Tensor::f32(&[2.0])),
    ]));
    let checkpoint = Checkpoint::open(folder.path(), ReadMode::Mmap).unwrap();
    let weights = Weights::new(&checkpoint);
    assert_eq!(*weights.tensor("top", &[1]).unwrap(), [1.0]);

    let layer = weights.sub("encoder").sub("layer").sub(10);
    assert!(layer.contains("bias") && !layer.contains("top"));
    assert_eq!(*layer.tensor("bias", &[1]).unwrap(), [2.0]);
    layer.release("bias");
    let message = layer.tensor("weight", &[1]).unwrap_err().to_string();
    assert!(message.ends_with(r#"tensor "encoder.layer.10.weight" is missing"#), "{message}");
}

#[test]
fn released_tensors_can_be_read_again() {
    let values: Vec<f32> = (0..100_000).map(|x| x as f32).collect();
    let folder = folder(&Tensors::from([("w".into(), Tensor::f32(&values))]));
    for mode in MODES {
        let checkpoint = Checkpoint::open(folder.path(), mode).unwrap();
        let before = checkpoint.tensor("w", &[values.len()]).unwrap();
        assert_eq!(*before, values);
        checkpoint.release("w");
        checkpoint.release("no such tensor");
        assert_eq!(*before, values, "a slice borrowed across the release");
        assert_eq!(*checkpoint.tensor("w", &[values.len()]).unwrap(), values);
    }
}

/// Kilobytes of a mapped file that are resident in memory.
#[cfg(target_os = "linux")]
fn resident(file: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let (_, from_file) = maps.split_once(file.to_str().unwrap()).expect("the file is mapped");
    let rss = from_file.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
    rss.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn released_tensors_leave_memory() {
    let values = vec![1.0f32; 1 << 20];
    let folder = folder(&Tensors::from([("w".into(), Tensor::f32(&values))]));
    let checkpoint = Checkpoint::open(folder.path(), ReadMode::Mmap).unwrap();
    assert_eq!(*checkpoint.tensor("w", &[1 << 20]).unwrap(), values);
    let file = checkpoint.path().canonicalize().unwrap();
    assert!(resident(&file) >= 4096);
    checkpoint.release("w");
    assert_eq!(resident(&file), 0);
}

#[test]
fn bytes_of_the_program_are_read_like_a_file() {
    let tensors = Tensors::from([("dense.bias".to_owned(), Tensor::f32(&[1.0, -2.5]))]);
    let folder = folder(&tensors);
    let bytes = fs::read(folder.path().join("model.safetensors")).unwrap();
    let size = bytes.len() as u64;
    // One byte in front makes every tensor unaligned.
    let shifted: &'static [u8] = Box::leak([&[0][..], &bytes].concat().into_boxed_slice());
    for checkpoint in [
        Checkpoint::from_bytes("built in", bytes.clone()).unwrap(),
        Checkpoint::from_bytes("built in", &shifted[1..]).unwrap(),
    ] {
        assert_eq!(*checkpoint.tensor("dense.bias", &[2]).unwrap(), [1.0, -2.5]);
        assert_eq!((checkpoint.file_size(), checkpoint.path()), (size, Path::new("built in")));
    }
    let error = Checkpoint::from_bytes("built in", &shifted[1..20]).unwrap_err();
    assert!(error.to_string().starts_with("built in: "), "{error}");
}
