//! `cargo xtask demo`: the demo model, trained from scratch and measured.

mod evaluate;
mod scores;
mod sources;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::oracle::{self, Oracle};
use crate::workspace;
use sources::Sources;

/// The steps of the committed model's first phase.
const STEPS: u32 = 3600;

/// Settings of glibc's `malloc` that keep freed memory: else each step maps its gigabytes of activations anew, which takes
/// up to half of the time.
const KEEP_MEMORY: &str = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=17179869184:\
    glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456:glibc.malloc.arena_max=1";

/// Trains the demo model (four hours and a quarter on two cores), or measures the committed one.
#[derive(Args)]
pub(crate) struct Demo {
    /// Measure through the engine instead of training
    #[arg(long)]
    evaluate: bool,
    /// The steps of the first of five phases; a stopped run goes on where it was, if asked for as many steps
    #[arg(long, value_name = "N", default_value_t = STEPS, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// The threads of the training; more than the cores that are free slow it down
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// The model's folder [default: fixtures/demo-model]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The oracle's Python environment; made if absent [default: target/oracle]
    #[arg(long, value_name = "DIR")]
    venv: Option<PathBuf>,
}

impl Demo {
    pub(crate) fn run(self) -> Result<()> {
        let oracle = Oracle::at(&self.venv.clone().unwrap_or_else(Oracle::default_folder))?;
        let work = workspace::root().join("target/demo");
        let sources = Sources::find(&work)?;
        let model = self.model.clone().unwrap_or_else(|| workspace::fixtures().join("demo-model"));
        if self.evaluate {
            return evaluate::evaluate(&oracle, &sources, &model, &work.join("evaluation"));
        }
        let mut train = script(&oracle, "train.py", &sources);
        train.arg(work.join("training")).arg(&model).arg("--steps").arg(self.steps.to_string());
        train.env("OMP_NUM_THREADS", self.threads.to_string());
        // Threads that spin while they wait take the cores from those that work.
        train.env("OMP_WAIT_POLICY", "passive").env("GLIBC_TUNABLES", KEEP_MEMORY);
        oracle::run(&mut train)
    }
}

/// One of the scripts that begin from the emoji and their words.
fn script(oracle: &Oracle, name: &str, sources: &Sources) -> Command {
    let mut script = oracle.script(&format!("demo/{name}"));
    script.arg(&sources.font).arg(&sources.annotations);
    script
}
