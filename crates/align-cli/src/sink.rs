//! Where embeddings go: standard output, or a file by its extension.
//!
//! A row is an embedding and the strings that it belongs to, one for each of `N` named columns.

mod jsonl;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod row;
mod safetensors;
mod spool;
mod stdout;

use crate::cli::Format;
use crate::output::OutputFile;
use anyhow::{Result, bail};
use ndarray::ArrayView2;
use std::ffi::OsStr;
use std::path::Path;

/// Takes embeddings as they come. What is not finished leaves no file.
pub(crate) trait Sink<const N: usize> {
    /// Takes rows, as many `names` as `embeddings [n, width]`.
    fn write(&mut self, names: &[[String; N]], embeddings: ArrayView2<f32>) -> Result<()>;

    /// Writes what is left to write.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// A sink for rows of these columns and of `width` values: a file, or else standard output.
pub(crate) fn sink<const N: usize>(
    columns: [&'static str; N],
    width: usize,
    output: Option<&Path>,
    format: Format,
) -> Result<Box<dyn Sink<N>>> {
    let Some(path) = output else {
        return Ok(Box::new(stdout::Stdout::new(columns, format)));
    };
    let file = OutputFile::create(path)?;
    Ok(match path.extension().and_then(OsStr::to_str) {
        Some("jsonl") => Box::new(jsonl::Jsonl::new(file, columns)),
        Some("npy") => Box::new(npy::Npy::new(file, width)?),
        Some("safetensors") => Box::new(safetensors::Safetensors::new(file, columns, width)?),
        #[cfg(feature = "parquet")]
        Some("parquet") => Box::new(parquet::Parquet::new(file, columns, width)?),
        _ => bail!("{}: no known extension", path.display()),
    })
}
