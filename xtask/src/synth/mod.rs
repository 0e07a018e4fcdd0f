//! `cargo xtask synth`: a checkpoint folder made from a seed.

mod check;
mod processor;
mod weights;

use std::fs;
use std::path::{Path, PathBuf};

use align_synthetic::SyntheticModel;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::oracle::Oracle;

/// Writes config.json, model.safetensors, preprocessor_config.json, tokenizer_config.json and vocab.txt.
#[derive(Args)]
pub(crate) struct Synth {
    /// The folder to write; made if absent
    #[arg(value_name = "OUT_DIR", required_unless_present = "check")]
    out: Option<PathBuf>,
    /// Every weight follows from this number
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A small model of a few megabytes instead of align-base
    #[arg(long)]
    tiny: bool,
    /// Round the weights to half precision
    #[arg(long, value_enum)]
    half: Option<Half>,
    /// Compare every value with the Python generator's instead of writing
    #[arg(long, conflicts_with_all = ["out", "half"])]
    check: bool,
    /// The oracle's Python environment, for --check [default: target/oracle]
    #[arg(long, value_name = "DIR")]
    venv: Option<PathBuf>,
}

/// A type of half-precision number.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Half {
    F16,
    Bf16,
}

impl Synth {
    pub(crate) fn run(self) -> Result<()> {
        let model = if self.tiny { SyntheticModel::Tiny } else { SyntheticModel::AlignBase };
        if self.check {
            let oracle = Oracle::at(&self.venv.unwrap_or_else(Oracle::default_folder))?;
            return check::against_python(&oracle, model, self.seed);
        }
        let Some(out) = self.out else { bail!("OUT_DIR is missing") };
        write_checkpoint(&out, model, self.seed, self.half)
    }
}

/// Writes a whole checkpoint folder, the weights last.
pub(crate) fn write_checkpoint(
    folder: &Path,
    model: SyntheticModel,
    seed: u64,
    half: Option<Half>,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    write(folder, "config.json", model.config_json())?;
    processor::write(folder, model)?;
    weights::write(&folder.join("model.safetensors"), model, seed, half)
}

/// Writes one text file of the folder.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
