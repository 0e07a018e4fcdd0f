//! `model.safetensors`, streamed tensor by tensor.

use std::fs::Permissions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use align_synthetic::{SyntheticModel, SyntheticTensor};
use anyhow::{Context, Result};
use half::{bf16, f16};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::Half;

/// Writes the weights beside `path`, then renames: the file is whole or absent.
pub(super) fn write(
    path: &Path,
    model: SyntheticModel,
    seed: u64,
    half: Option<Half>,
) -> Result<()> {
    let mut tensors = model.tensors();
    // Eight-byte values first keep every tensor aligned.
    tensors.sort_by_key(|tensor| !tensor.is_integer());
    let (header, total) = header(&tensors, half);

    let folder = path.parent().context("the weights need a folder")?;
    // Temporary files are private unless told otherwise; the umask still applies.
    let readable = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
    let bar = progress(total as u64);
    let mut writer = BufWriter::new(file.as_file_mut());
    writer.write_all(&(header.len() as u64).to_le_bytes())?;
    writer.write_all(header.as_bytes())?;
    for tensor in &tensors {
        let bytes = encode(tensor, seed, half);
        writer.write_all(&bytes)?;
        bar.inc(bytes.len() as u64);
    }
    writer.flush()?;
    drop(writer);
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    bar.finish_and_clear();
    Ok(())
}

/// The safetensors header, padded to eight bytes, and the bytes of all values.
fn header(tensors: &[SyntheticTensor], half: Option<Half>) -> (String, usize) {
    let mut entries = Map::new();
    entries.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    let mut offset = 0;
    for tensor in tensors {
        let (dtype, width) = match half {
            _ if tensor.is_integer() => ("I64", 8),
            None => ("F32", 4),
            Some(Half::F16) => ("F16", 2),
            Some(Half::Bf16) => ("BF16", 2),
        };
        let end = offset + width * tensor.len();
        let entry = json!({"dtype": dtype, "shape": tensor.shape, "data_offsets": [offset, end]});
        entries.insert(tensor.name.clone(), entry);
        offset = end;
    }
    let mut header = Value::Object(entries).to_string();
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    (header, offset)
}

/// The little-endian bytes of a tensor. Half-precision numbers are rounded to nearest, ties to even.
pub(super) fn encode(tensor: &SyntheticTensor, seed: u64, half: Option<Half>) -> Vec<u8> {
    let values = tensor.values(seed).into_iter();
    match half {
        _ if tensor.is_integer() => values.flat_map(|v| (v as i64).to_le_bytes()).collect(),
        None => values.flat_map(f32::to_le_bytes).collect(),
        Some(Half::F16) => values.flat_map(|v| f16::from_f32(v).to_le_bytes()).collect(),
        Some(Half::Bf16) => values.flat_map(|v| bf16::from_f32(v).to_le_bytes()).collect(),
    }
}

fn progress(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec}");
    ProgressBar::new(bytes).with_style(style.expect("the template is valid"))
}
