//! The session that the global flags describe: format, runtime, model and progress.

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
    to use another model, give its folder by --model DIR or in $ALIGN_MODEL";

impl Global {
    /// The requested format, or the default for standard output.
    pub(crate) fn format(&self) -> Format {
        match self.format {
            Some(FormatArgument::Table) => Format::Table,
            Some(FormatArgument::Json) => Format::Json,
            Some(FormatArgument::Jsonl) => Format::Jsonl,
            Some(FormatArgument::Paths) => unreachable!("`wants_paths` is checked first"),
            None if stdout().is_terminal() => Format::Table,
            None => Format::Jsonl,
        }
    }

    /// Whether items are listed by their paths alone.
    pub(crate) fn wants_paths(&self) -> bool {
        self.format == Some(FormatArgument::Paths)
    }

    /// The instruction set, threads and precision.
    pub(crate) fn runtime(&self) -> Result<Runtime, IsaError> {
        let mut runtime = Runtime::new()?;
        runtime.requested_precision = self.precision;
        Ok(match self.threads {
            Some(threads) => runtime.with_threads(Threads::new(threads)),
            None => runtime,
        })
    }

    /// The requested model, or the demo model inside the program. The use of the demo model is
    /// printed once.
    pub(crate) fn model_source(&self) -> Result<ModelSource<'_>, Usage> {
        match self.model.as_deref() {
            Some(folder) => Ok(ModelSource::Folder(folder)),
            #[cfg(feature = "demo-model")]
            None => {
                static PRINTED: Once = Once::new();
                PRINTED.call_once(|| self.remark(DEMO_MODEL));
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

    /// A progress bar of `len` items of a kind. It is shown on terminals only.
    pub(crate) fn progress(&self, len: usize, kind: &'static str) -> ProgressBar {
        if self.quiet || !stderr().is_terminal() || len < 2 {
            return ProgressBar::hidden();
        }
        let template = "{wide_bar} {pos} of {len} {msg}, {per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        ProgressBar::new(len as u64).with_style(style).with_message(kind)
    }

    /// A counter of items of a kind whose number is unknown. It is shown on terminals only.
    pub(crate) fn counter(&self, kind: &'static str) -> ProgressBar {
        if self.quiet || !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let template = "{spinner} {pos} {msg}, {per_sec}";
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        ProgressBar::new_spinner().with_style(style).with_message(kind)
    }

    /// Prints a remark, which is neither a result nor an error.
    pub(crate) fn remark(&self, remark: impl Display) {
        if !self.quiet {
            eprintln!("{remark}");
        }
    }
}
