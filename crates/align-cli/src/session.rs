//! What the global flags come to.

use crate::cli::{Format, FormatArgument, Global};
use crate::failure::Usage;
use crate::model_source::ModelSource;
use align_model::{AlignModel, AlignProcessor, IsaError, LoadOptions, Runtime, Threads};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Display;
use std::io::{IsTerminal, stderr, stdout};
#[cfg(feature = "demo-model")]
use std::sync::Once;
#[cfg(not(feature = "demo-model"))]
const NO_MODEL: &str = "no model: give its folder by --model DIR or in $ALIGN_MODEL\n\
    hint: this program was built without the demo model (feature `demo-model`)";
#[cfg(feature = "demo-model")]
const DEMO_MODEL: &str = "using the demo model, which knows pictures of emoji; \
    for another give its folder by --model DIR or in $ALIGN_MODEL";

impl Global {
    /// The format asked for, else the one that suits standard output.
    pub(crate) fn format(&self) -> Format {
        match self.format {
            Some(FormatArgument::Table) => Format::Table,
            Some(FormatArgument::Json) => Format::Json,
            Some(FormatArgument::Jsonl) => Format::Jsonl,
            Some(FormatArgument::Paths) => unreachable!("asked for by `wants_paths` first"),
            None if stdout().is_terminal() => Format::Table,
            None => Format::Jsonl,
        }
    }

    /// Whether items are to be listed by their paths alone.
    pub(crate) fn wants_paths(&self) -> bool {
        self.format == Some(FormatArgument::Paths)
    }

    /// The instruction set, threads and precision to compute with.
    pub(crate) fn runtime(&self) -> Result<Runtime, IsaError> {
        let runtime = Runtime { precision: self.precision, ..Runtime::new()? };
        Ok(match self.threads {
            Some(threads) => runtime.with_threads(Threads::new(threads)),
            None => runtime,
        })
    }

    /// The model asked for, else the one inside the program, which is said.
    pub(crate) fn model_source(&self) -> Result<ModelSource<'_>, Usage> {
        match self.model.as_deref() {
            Some(folder) => Ok(ModelSource::Folder(folder)),
            #[cfg(feature = "demo-model")]
            None => {
                static SAID: Once = Once::new();
                SAID.call_once(|| self.remark(DEMO_MODEL));
                Ok(ModelSource::Demo)
            }
            #[cfg(not(feature = "demo-model"))]
            None => Err(Usage(NO_MODEL.to_owned())),
        }
    }

    pub(crate) fn load_options(&self) -> Result<LoadOptions, IsaError> {
        self.runtime().map(LoadOptions::from_runtime)
    }

    pub(crate) fn load_model(&self) -> Result<AlignModel> {
        Ok(self.model_source()?.load(&self.load_options()?)?)
    }

    pub(crate) fn load_processor(&self) -> Result<AlignProcessor> {
        Ok(self.model_source()?.processor()?)
    }

    /// Progress through `len` things of a kind, shown to people only.
    pub(crate) fn progress(&self, len: usize, kind: &'static str) -> ProgressBar {
        if self.quiet || !stderr().is_terminal() || len < 2 {
            return ProgressBar::hidden();
        }
        let template = "{wide_bar} {pos} of {len} {msg}, {per_sec}, {eta} left";
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
