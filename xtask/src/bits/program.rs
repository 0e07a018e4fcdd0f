//! An `align` program and its runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::cases::Case;
use super::models::Model;

/// Variables that would change what a program computes, or on how many threads.
const VARIABLES: [&str; 4] = ["ALIGN_MODEL", "ALIGN_ISA", "ALIGN_THREADS", "OMP_NUM_THREADS"];

/// A program, with what it says of this machine.
pub(super) struct Program {
    path: PathBuf,
    isas: Vec<String>,
    precisions: Vec<String>,
}

/// A run that has begun.
pub(super) struct Running {
    process: Child,
    /// The file that the run writes, in a folder of its own.
    output: Option<(TempDir, PathBuf)>,
}

/// Everything that is compared of a run.
#[derive(Debug, PartialEq)]
pub(super) struct Ran {
    /// `None` after a signal.
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    /// `None` if the run wrote no file.
    pub(super) file: Option<Vec<u8>>,
}

impl Program {
    pub(super) fn at(path: &Path) -> Result<Self> {
        let path =
            fs::canonicalize(path).with_context(|| format!("no program {}", path.display()))?;
        let output = command(&path)
            .args(["info", "--quiet", "--format", "jsonl"])
            .output()
            .with_context(|| format!("cannot run {}", path.display()))?;
        ensure!(output.status.success(), "{} info: {}", path.display(), output.status);
        let info: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{} info writes no JSON", path.display()))?;
        let names = |field: &str, name: fn(&Value) -> Option<&str>| {
            let names = info[field].as_array().into_iter().flatten().filter_map(name);
            let names: Vec<_> = names.map(String::from).collect();
            ensure!(!names.is_empty(), "{} info names no {field}", path.display());
            Ok(names)
        };
        let isas = names("isas_found", Value::as_str)?;
        let precisions = names("precisions", |entry| entry["precision"].as_str())?;
        Ok(Self { path, isas, precisions })
    }

    /// Instruction sets of this machine.
    pub(super) fn isas(&self) -> &[String] {
        &self.isas
    }

    pub(super) fn precisions(&self) -> &[String] {
        &self.precisions
    }

    pub(super) fn start(
        &self,
        case: &Case,
        model: &Model,
        precision: &str,
        isa: &str,
        threads: usize,
    ) -> Result<Running> {
        let mut command = command(&self.path);
        command.args(&case.arguments).args(["--quiet", "--precision", precision]);
        command.args(["--threads", &threads.to_string()]).env("ALIGN_ISA", isa);
        if let Some(folder) = model.folder() {
            command.arg("--model").arg(folder);
        }
        let output = case.output.map(|extension| {
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("output").with_extension(extension);
            anyhow::Ok((folder, file))
        });
        let output = output.transpose()?;
        if let Some((_, file)) = &output {
            command.arg("--output").arg(file);
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", self.path.display()))?;
        Ok(Running { process, output })
    }
}

impl Running {
    pub(super) fn finish(self) -> Result<Ran> {
        let output = self.process.wait_with_output()?;
        let file = self.output.filter(|(_, file)| file.exists());
        let file = file.map(|(_folder, file)| fs::read(file)).transpose()?;
        Ok(Ran { code: output.status.code(), stdout: output.stdout, file })
    }
}

fn command(path: &Path) -> Command {
    let mut command = Command::new(path);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}
