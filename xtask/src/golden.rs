//! `cargo xtask golden`: every golden output, remade from the oracle.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::oracle::{self, Oracle};
use crate::workspace;

/// Remakes the goldens under `fixtures`.
#[derive(Args)]
pub(crate) struct Golden {
    /// Remake these alone
    #[arg(value_enum)]
    which: Vec<Family>,
    /// The oracle's Python environment; made if absent [default: target/oracle]
    #[arg(long, value_name = "DIR")]
    venv: Option<PathBuf>,
    /// First measure the synthetic models' calibration tables anew (this changes their weights)
    #[arg(long)]
    calibrate: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Family {
    /// Tiny checkpoints that exercise every rule of the model
    Tiny,
    /// The synthetic align-base
    AlignBase,
    /// Images and strings through the processor
    Processor,
}

impl Family {
    fn script(self) -> &'static str {
        match self {
            Self::Tiny => "tiny_goldens.py",
            Self::AlignBase => "align_base_golden.py",
            Self::Processor => "processor_goldens.py",
        }
    }
}

impl Golden {
    pub(crate) fn run(self) -> Result<()> {
        let oracle = Oracle::at(&self.venv.unwrap_or_else(Oracle::default_folder))?;
        if self.calibrate {
            oracle::run(oracle.script("calibrate.py").args(["align-base", "tiny"]))?;
        }
        for family in Family::value_variants() {
            if self.which.is_empty() || self.which.contains(family) {
                oracle::run(oracle.script(family.script()).arg(workspace::fixtures()))?;
            }
        }
        Ok(())
    }
}
