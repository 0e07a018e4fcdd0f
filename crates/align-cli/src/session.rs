//! What the global flags come to.

use crate::cli::{Format, Global};
use crate::failure::Usage;
use align_model::{AlignModel, AlignProcessor, IsaError, LoadOptions, ReadMode, Runtime, Threads};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Display;
use std::io::{IsTerminal, stderr, stdout};
use std::path::Path;

const NO_MODEL: &str = "no model: give its folder by --model DIR or in $ALIGN_MODEL\n\
    hint: `cargo xtask synth --tiny DIR` makes a small one with random weights to try things out";

impl Global {
    /// The format asked for, else the one that suits standard output.
    pub(crate) fn format(&self) -> Format {
        let suited = || if stdout().is_terminal() { Format::Table } else { Format::Jsonl };
        self.format.unwrap_or_else(suited)
    }

    /// The instruction set, threads and precision to compute with.
    pub(crate) fn runtime(&self) -> Result<Runtime, IsaError> {
        let runtime = Runtime { precision: self.precision, ..Runtime::new()? };
        Ok(match self.threads {
            Some(threads) => runtime.with_threads(Threads::new(threads)),
            None => runtime,
        })
    }

    /// The model's folder.
    pub(crate) fn model_folder(&self) -> Result<&Path, Usage> {
        self.model.as_deref().ok_or_else(|| Usage(NO_MODEL.to_owned()))
    }

    pub(crate) fn load_model(&self) -> Result<AlignModel> {
        let options = LoadOptions { runtime: self.runtime()?, read_mode: ReadMode::Mmap };
        Ok(AlignModel::from_pretrained_with(self.model_folder()?, &options)?)
    }

    pub(crate) fn load_processor(&self) -> Result<AlignProcessor> {
        Ok(AlignProcessor::from_pretrained(self.model_folder()?)?)
    }

    /// Progress through `len` things of a kind, shown to people only.
    pub(crate) fn progress(&self, len: usize, kind: &'static str) -> ProgressBar {
        if self.quiet || !stderr().is_terminal() || len < 2 {
            return ProgressBar::hidden();
        }
        let template = "{wide_bar} {pos} of {len} {msg}, {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        ProgressBar::new(len as u64).with_style(style).with_message(kind)
    }

    /// A count of things of a kind, of which nobody knows how many there are, shown to people only.
    pub(crate) fn counter(&self, kind: &'static str) -> ProgressBar {
        if self.quiet || !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let template = "{spinner} {pos} {msg}, {per_sec}";
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        ProgressBar::new_spinner().with_style(style).with_message(kind)
    }

    /// Says something that is neither a result nor an error.
    pub(crate) fn remark(&self, remark: impl Display) {
        if !self.quiet {
            eprintln!("{remark}");
        }
    }
}
