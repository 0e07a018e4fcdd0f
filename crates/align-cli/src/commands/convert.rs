//! `align convert`: a checkpoint rounded once and for all.

use crate::cli::{Convert, Global};
use crate::failure::{Outcome, Usage};
use crate::output::{Record, Records};
use align_model::{Conversion, Precision};
use anyhow::{Result, anyhow, bail};
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Endings of the files that go along: configuration, processor, tokenizer, licence, description.
const COPIED: [&str; 3] = ["json", "txt", "md"];

pub(crate) fn run(global: &Global, arguments: &Convert) -> Result<Outcome> {
    let precision = match global.precision {
        Some(precision @ (Precision::Bf16 | Precision::Int8)) => precision,
        _ => {
            let message = "expected --precision bf16 or --precision int8: what to convert to";
            return Err(Usage(message.to_owned()).into());
        }
    };
    let place = Place::new(&arguments.input, &arguments.output, arguments.force)?;
    let conversion = Conversion::from_pretrained(&arguments.input, precision)?;
    place.fill(|folder| {
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

/// Where a folder will be, and the temporary one beside it in which it grows.
struct Place<'a> {
    output: &'a Path,
    temporary: TempDir,
    force: bool,
}

impl<'a> Place<'a> {
    /// Refuses what would overwrite something, or touch the input.
    fn new(input: &Path, output: &'a Path, force: bool) -> Result<Self> {
        let cannot = |path: &Path, error: io::Error| anyhow!("{}: {error}", path.display());
        let input = input.canonicalize().map_err(|error| cannot(input, error))?;
        let parent = match output.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let real_parent = parent.canonicalize().map_err(|error| cannot(parent, error))?;
        // As it is, where it is there; else as it will be.
        let real_output = match (output.canonicalize(), output.file_name()) {
            (Ok(real), _) => real,
            (Err(_), Some(name)) => real_parent.join(name),
            (Err(error), None) => return Err(cannot(output, error)),
        };
        if real_output.starts_with(&input) || input.starts_with(&real_output) {
            bail!("{}: expected a folder apart from the one that is read", output.display());
        }
        if !force && output.symlink_metadata().is_ok() {
            bail!("{}: is there already; --force replaces it", output.display());
        }
        let in_parent = |error| cannot(parent, error);
        let temporary = tempfile::Builder::new().prefix(".align-convert-").tempdir_in(real_parent);
        Ok(Self { output, temporary: temporary.map_err(in_parent)?, force })
    }

    /// Has `write` fill the new folder, which then takes its place; whatever fails, nothing is left
    /// behind, and what was there before stays.
    fn fill(self, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let new = self.temporary.path().join("new");
        let cannot = |error| anyhow!("{}: cannot write: {error}", self.output.display());
        fs::create_dir(&new).map_err(cannot)?;
        write(&new)?;
        if !self.force || self.output.symlink_metadata().is_err() {
            return fs::rename(&new, self.output).map_err(cannot);
        }
        // What was there goes with the temporary folder, once the new one is in its place.
        let old = self.temporary.path().join("old");
        fs::rename(self.output, &old).map_err(cannot)?;
        if let Err(error) = fs::rename(&new, self.output) {
            // Back to how it was; if even that fails, the first error says why.
            let _ = fs::rename(&old, self.output);
            return Err(cannot(error));
        }
        Ok(())
    }
}

/// Copies what belongs to a model beside its weights.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let cannot = |path: &Path, error: io::Error| anyhow!("{}: {error}", path.display());
    let entries = fs::read_dir(from).map_err(|error| cannot(from, error))?;
    for entry in entries {
        let path: PathBuf = entry.map_err(|error| cannot(from, error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let goes_along = match extension {
            Some(extension) => COPIED.contains(&extension),
            None => name.starts_with("LICENSE") || name.starts_with("LICENCE"),
        };
        // An index of shards speaks of files that are not there any more.
        if goes_along && !name.ends_with(".safetensors.index.json") && path.is_file() {
            fs::copy(&path, to.join(name)).map_err(|error| cannot(&path, error))?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Converted {
    output: String,
    precision: String,
    /// Of all tensors.
    bytes: u64,
}

impl Record for Converted {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let megabytes = self.bytes as f64 / 1e6;
        writeln!(out, "{}: {}, {megabytes:.1} MB", self.output, self.precision)
    }
}
