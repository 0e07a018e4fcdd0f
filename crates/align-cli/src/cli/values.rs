//! Parsers of values.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The largest number of threads. A larger number is most likely a typing mistake.
const MAX_THREADS: usize = 1024;

pub(super) fn threads(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(n) if n.get() <= MAX_THREADS => Ok(n),
        _ => Err(format!("expected a number from 1 to {MAX_THREADS}")),
    }
}

pub(super) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a positive number".to_owned()),
    }
}

pub(super) fn score(text: &str) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|score: &f32| score.is_finite())
        .ok_or_else(|| "expected a number, such as 0.25".to_owned())
}

pub(crate) fn template(text: &str) -> Result<String, String> {
    match text.matches("{}").count() {
        1 => Ok(text.to_owned()),
        n => Err(format!("expected one {{}} where the label goes, found {n}")),
    }
}

/// The message of a program that was built without Parquet.
#[cfg(not(feature = "parquet"))]
pub(crate) const NO_PARQUET: &str = "this program was built without Parquet; \
    `cargo install --path crates/align-cli --features parquet` builds it with Parquet";

pub(super) fn embeddings_file(path: &str) -> Result<PathBuf, String> {
    #[cfg(not(feature = "parquet"))]
    if Path::new(path).extension().is_some_and(|extension| extension == "parquet") {
        return Err(NO_PARQUET.to_owned());
    }
    file_with_extension(path, &["npy", "jsonl", "safetensors", "parquet"])
}

pub(super) fn npy_file(path: &str) -> Result<PathBuf, String> {
    file_with_extension(path, &["npy"])
}

fn file_with_extension(path: &str, known: &[&str]) -> Result<PathBuf, String> {
    let path = Path::new(path);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) if known.contains(&extension) => Ok(path.to_owned()),
        _ => Err(format!("expected a file name ending in .{}", known.join(", ."))),
    }
}
