//! `align convert`: conversion of a checkpoint to rounded weights.

use crate::cli::{Convert, Global};
use crate::failure::{Outcome, Usage};
use crate::output::{Record, Records};
use align_model::{Conversion, Precision};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Extensions of the files that are copied: configuration, processor, tokenizer, licence, description.
const COPIED: [&str; 3] = ["json", "txt", "md"];

pub(crate) fn run(global: &Global, arguments: &Convert) -> Result<Outcome> {
    let precision = match global.precision {
        Some(precision @ (Precision::Bf16 | Precision::Int8)) => precision,
        _ => {
            let message =
                "expected --precision bf16 or --precision int8: the precision to convert to";
            return Err(Usage(message.to_owned()).into());
        }
    };
    let output = OutputFolder::new(&arguments.input, &arguments.output, arguments.force)?;
    let conversion = Conversion::from_pretrained(&arguments.input, precision)?;
    output.fill(|folder| {
        copy_files(&arguments.input, folder)?;
        Ok(conversion.write(folder)?)
    })?;
    let converted = Converted {
        output: arguments.output.display().to_string(),
        precision: precision.to_string(),
        bytes: conversion.size_in_bytes(),
    };
    Records::only(global.format(), &converted)?;
    Ok(Outcome::Done)
}

/// A folder that is written atomically: in a temporary folder next to it, which is then renamed.
struct OutputFolder<'a> {
    output: &'a Path,
    temporary: TempDir,
    force: bool,
}

impl<'a> OutputFolder<'a> {
    /// Refuses an output that exists, unless `force`, or that overlaps with the input.
    fn new(input: &Path, output: &'a Path, force: bool) -> Result<Self> {
        let input = input.canonicalize().with_context(|| input.display().to_string())?;
        let parent = match output.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let in_parent = || parent.display().to_string();
        let real_parent = parent.canonicalize().with_context(in_parent)?;
        // The real path of the output, or the path that it will have.
        let real_output = match (output.canonicalize(), output.file_name()) {
            (Ok(real), _) => real,
            (Err(_), Some(name)) => real_parent.join(name),
            (Err(error), None) => return Err(error).context(output.display().to_string()),
        };
        if real_output.starts_with(&input) || input.starts_with(&real_output) {
            bail!("{}: expected a folder apart from the one that is read", output.display());
        }
        if !force && output.symlink_metadata().is_ok() {
            bail!("{}: already exists; --force replaces it", output.display());
        }
        let temporary = tempfile::Builder::new().prefix(".align-convert-").tempdir_in(real_parent);
        Ok(Self { output, temporary: temporary.with_context(in_parent)?, force })
    }

    /// Calls `write` to fill the new folder, and puts it in its place. If anything fails, the new
    /// folder is removed and the old one stays.
    fn fill(self, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let new = self.temporary.path().join("new");
        let cannot_write = || format!("{}: cannot write", self.output.display());
        fs::create_dir(&new).with_context(cannot_write)?;
        write(&new)?;
        if !self.force || self.output.symlink_metadata().is_err() {
            return fs::rename(&new, self.output).with_context(cannot_write);
        }
        // The old folder is removed with the temporary folder, once the new one is in its place.
        let old = self.temporary.path().join("old");
        fs::rename(self.output, &old).with_context(cannot_write)?;
        if let Err(error) = fs::rename(&new, self.output) {
            // The old folder is put back. If that fails too, the first error names the reason.
            let _ = fs::rename(&old, self.output);
            return Err(error).with_context(cannot_write);
        }
        Ok(())
    }
}

/// Copies the files of a model other than its weights.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let at = |path: &Path| path.display().to_string();
    let entries = fs::read_dir(from).with_context(|| at(from))?;
    for entry in entries {
        let path: PathBuf = entry.with_context(|| at(from))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_copied = match extension {
            Some(extension) => COPIED.contains(&extension),
            None => name.starts_with("LICENSE") || name.starts_with("LICENCE"),
        };
        // An index of shards would name files that the new folder does not have.
        if is_copied && !name.ends_with(".safetensors.index.json") && path.is_file() {
            fs::copy(&path, to.join(name)).with_context(|| at(&path))?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Converted {
    output: String,
    precision: String,
    /// The size of all tensors.
    bytes: u64,
}

impl Record for Converted {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let megabytes = self.bytes as f64 / 1e6;
        writeln!(out, "{}: {}, {megabytes:.1} MB", self.output, self.precision)
    }
}
