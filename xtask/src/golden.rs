//! `cargo xtask golden`: every golden output, remade from the oracle.

use std::path::{Path, PathBuf};

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
    /// Metrics of retrieval, classification, neighbours and linear probes
    Eval,
}

impl Family {
    fn script(self) -> &'static str {
        match self {
            Self::Tiny => "tiny_goldens.py",
            Self::AlignBase => "align_base_golden.py",
            Self::Processor => "processor_goldens.py",
            Self::Eval => "eval_goldens.py",
        }
    }

    fn oracle(self, folder: &Path) -> Result<Oracle> {
        match self {
            Self::Eval => Oracle::with_scikit_learn(folder),
            Self::Tiny | Self::AlignBase | Self::Processor => Oracle::at(folder),
        }
    }
}

impl Golden {
    pub(crate) fn run(self) -> Result<()> {
        let venv = self.venv.unwrap_or_else(Oracle::default_folder);
        if self.calibrate {
            let oracle = Oracle::at(&venv)?;
            oracle::run(oracle.script("calibrate.py").args(["align-base", "tiny"]))?;
        }
        for family in Family::value_variants() {
            if self.which.is_empty() || self.which.contains(family) {
                let oracle = family.oracle(&venv)?;
                oracle::run(oracle.script(family.script()).arg(workspace::fixtures()))?;
            }
        }
        Ok(())
    }
}
