//! The choice of a sink by the extension of the output file.

use super::Sink;
use super::jsonl::Jsonl;
use super::npy::Npy;
#[cfg(feature = "parquet")]
use super::parquet::Parquet;
use super::safetensors::Safetensors;
use super::stdout::Stdout;
use crate::cli::Format;
use crate::output::OutputFile;
use anyhow::{Result, bail};
use std::ffi::OsStr;
use std::path::Path;

/// A sink for rows with these columns and `width` values. It is a file, or standard output if there
/// is no `output`.
pub(crate) fn sink<const N: usize>(
    columns: [&'static str; N],
    width: usize,
    output: Option<&Path>,
    format: Format,
) -> Result<Box<dyn Sink<N>>> {
    let Some(path) = output else {
        return Ok(Box::new(Stdout::new(columns, format)));
    };
    let file = OutputFile::create(path)?;
    Ok(match path.extension().and_then(OsStr::to_str) {
        Some("jsonl") => Box::new(Jsonl::new(file, columns)),
        Some("npy") => Box::new(Npy::new(file, width)?),
        Some("safetensors") => Box::new(Safetensors::new(file, columns, width)?),
        #[cfg(feature = "parquet")]
        Some("parquet") => Box::new(Parquet::new(file, columns, width)?),
        _ => bail!("{}: no known extension", path.display()),
    })
}
