//! `align index`: creation, update and export of an index of images or texts.

mod export;

use crate::cli::{Global, Index as Arguments, IndexCommand};
use crate::failure::Outcome;
use crate::indexed::Embedder;
use crate::input;
use crate::output::{Record, Records};
use align_search::update::{Event, Report, update_images, update_texts, walk};
use align_search::{Description, Dtype, Index, IndexError, IndexWriter, ItemKind};
use anyhow::{Result, bail};
use indicatif::ProgressBar;
use serde::Serialize;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;

pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Outcome> {
    match &arguments.command {
        Some(IndexCommand::Export(arguments)) => export::run(global, arguments),
        None => update(global, arguments),
    }
}

fn update(global: &Global, arguments: &Arguments) -> Result<Outcome> {
    let (kind, report) = match &arguments.texts {
        Some(file) => (ItemKind::Texts, texts(global, arguments, file)?),
        None => (ItemKind::Images, images(global, arguments)?),
    };
    let record = Updated { index: arguments.folder().display().to_string(), kind, report };
    Records::only(global.format(), &record)?;
    let left_out = report.failed + report.failed_before;
    Ok(if left_out == 0 || arguments.skipping.keep_going {
        Outcome::Done
    } else {
        Outcome::Incomplete
    })
}

fn images(global: &Global, arguments: &Arguments) -> Result<Report> {
    let paths = input::paths(&arguments.paths)?;
    let walk = walk(&paths, arguments.folder());
    if walk.missing.len() == paths.len() && !paths.is_empty() && !exists(arguments.folder()) {
        // No index is created if none of the paths exists.
        bail!("{}: no such file or folder", paths[0].display());
    }
    let (embedder, writer) = open(global, arguments, ItemKind::Images)?;
    let workers = NonZeroUsize::new(embedder.runtime.threads.count()).unwrap_or(NonZeroUsize::MIN);
    let mut progress = Progress::new(global, "files");
    let Embedder { model, processor, .. } = &embedder;
    let report = update_images(writer, model, processor, workers, &walk, &mut |event| {
        progress.show(event);
    })?;
    progress.bar.finish_and_clear();
    Ok(report)
}

fn texts(global: &Global, arguments: &Arguments, file: &Path) -> Result<Report> {
    let texts = input::lines_of_file(file)?;
    let (embedder, writer) = open(global, arguments, ItemKind::Texts)?;
    let mut progress = Progress::new(global, "texts");
    let Embedder { model, processor, .. } = &embedder;
    let report = update_texts(writer, model, processor, texts, &mut |event| progress.show(event))?;
    progress.bar.finish_and_clear();
    Ok(report)
}

/// The model, and the index opened for it.
fn open(global: &Global, arguments: &Arguments, kind: ItemKind) -> Result<(Embedder, IndexWriter)> {
    let dtype = match (arguments.dtype, Index::open(arguments.folder())) {
        (Some(dtype), _) => dtype.into(),
        (None, Ok(index)) => index.description().dtype,
        (None, Err(IndexError::NoIndex { .. })) => Dtype::F16,
        (None, Err(error)) => return Err(error.into()),
    };
    let embedder = Embedder::load(global)?;
    let description = Description { kind, dtype, model: embedder.identity.clone() };
    let writer = IndexWriter::open(arguments.folder(), &description)?;
    Ok((embedder, writer))
}

fn exists(index: &Path) -> bool {
    !matches!(Index::open(index), Err(IndexError::NoIndex { .. }))
}

/// Shows the progress of an update, and the files that it leaves out.
struct Progress<'a> {
    global: &'a Global,
    kind: &'static str,
    bar: ProgressBar,
}

impl<'a> Progress<'a> {
    fn new(global: &'a Global, kind: &'static str) -> Self {
        Self { global, kind, bar: ProgressBar::hidden() }
    }

    fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Planned(count) => self.bar = self.global.progress(count, self.kind),
            Event::Done(count) => self.bar.inc(count as u64),
            Event::LeftOut { path, reason } => {
                let message = match reason.contains(path) {
                    true => reason.to_owned(),
                    false => format!("{path}: {reason}"),
                };
                self.bar.suspend(|| eprintln!("error: {message}"));
            }
        }
    }
}

#[derive(Serialize)]
struct Updated {
    index: String,
    kind: ItemKind,
    #[serde(flatten)]
    report: Report,
}

impl Record for Updated {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let Report {
            items,
            embedded,
            kept,
            recognised,
            dropped,
            failed,
            failed_before,
            other_files,
        } = self.report;
        write!(out, "{}: {items} {}", self.index, self.kind)?;
        let parts = [
            (embedded, "embedded"),
            (kept, "unchanged"),
            (recognised, "recognised by content"),
            (dropped, "dropped"),
            (failed, "failed"),
            (failed_before, "failed before and not tried again"),
            (other_files, "other files"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<_> = parts.map(|(count, what)| format!("{count} {what}")).collect();
        if parts.is_empty() { writeln!(out) } else { writeln!(out, " ({})", parts.join(", ")) }
    }
}
