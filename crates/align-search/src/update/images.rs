//! An index of image files.

use super::names::Names;
use super::pipeline;
use super::read::{Content, read};
use super::report::{Event, Report};
use super::stat::Stat;
use crate::index::{Failure, FileStamp, ImageItem, IndexError, IndexWriter, Item};
use crate::message::full_message;
use align_model::{AlignModel, AlignProcessor, ModelError, l2_normalize};
use align_processor::files::{Walk, is_absence};
use ndarray::{Array3, Axis};
use std::collections::HashSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The images of a batch: enough to keep all cores busy, few enough to keep memory small and to lose
/// little work if the run is killed.
const BATCH: usize = 8;

/// The prepared images that may wait: two batches, so that the tower never has to wait for one.
const AHEAD: usize = 2 * BATCH;

/// Updates the index of `writer` with the images that `walk` found. Images that lie outside the roots
/// of the walk stay in the index.
///
/// - A file whose size and time of change are those in the index is kept without being read. If
///   they differ, the content decides: a file whose content was embedded before, under any name, is
///   not embedded again.
/// - A file that no longer exists below the roots of the walk is dropped. A file that was moved
///   from outside the roots is followed. Files that could not be examined stay.
/// - A file that cannot be embedded is left out and remembered. It is not tried again until it
///   changes. A file that cannot be read is left out, but not remembered.
///
/// Files are read, decoded and preprocessed on `workers` threads, while the calling thread runs
/// batches through the tower on the threads of its runtime. Apart from the names of files, memory
/// does not grow with their number. Each batch is added to the index at once, and the index is
/// sorted at the end.
///
/// # Errors
/// If the index cannot be written.
pub fn update_images(
    writer: IndexWriter,
    model: &AlignModel,
    processor: &AlignProcessor,
    workers: NonZeroUsize,
    walk: &Walk,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Report, IndexError> {
    let names =
        Names::new(writer.index().base()).map_err(IndexError::io(Path::new("."), "find"))?;
    let mut update = Update {
        writer,
        model,
        names,
        observe,
        report: Report::default(),
        items: Vec::new(),
        failures: Vec::new(),
        batch: Vec::with_capacity(BATCH),
        reused: HashSet::new(),
    };
    let (work, seen) = update.plan(walk);
    (update.observe)(Event::Planned(work.len()));

    // Images embedded by this run are not looked up, since that would depend on timing.
    let known = update.writer.contents();
    let images = processor.image_processor();
    let prepare = |task: &Task| {
        read(images, &task.path, task.is_named, |stamp| known.get(&stamp.sha256).copied())
    };
    pipeline::run(&work, workers.get(), AHEAD, prepare, |task, read| update.complete(task, read))?;
    update.embed()?;
    update.retain(walk, &seen);
    update.finish()
}

/// A file that has to be read.
struct Task {
    name: String,
    path: PathBuf,
    is_named: bool,
}

struct Update<'a> {
    writer: IndexWriter,
    model: &'a AlignModel,
    names: Names,
    observe: &'a mut dyn FnMut(Event<'_>),
    report: Report,
    /// The items that the index will hold, with their rows.
    items: Vec<(Item, usize)>,
    failures: Vec<Failure>,
    batch: Vec<(ImageItem, Array3<f32>)>,
    /// Rows whose content was found again under another name or time.
    reused: HashSet<usize>,
}

impl Update<'_> {
    /// Keeps the files that have not changed. Returns the files that have to be read, and the names
    /// of all files that the walk found.
    fn plan(&mut self, walk: &Walk) -> (Vec<Task>, HashSet<String>) {
        let (mut work, mut seen) = (Vec::new(), HashSet::with_capacity(walk.files.len()));
        for (path, error) in &walk.unreadable {
            self.leave_out(&path.to_string_lossy(), &error.to_string());
        }
        for path in &walk.missing {
            // A file that was in the index and no longer exists is dropped without an error.
            let name = self.names.name(path, &self.writer);
            if name.is_none_or(|name| self.writer.known(&name).is_none()) {
                self.leave_out(&path.to_string_lossy(), "no such file or folder");
            }
        }
        for found in &walk.files {
            let Some(name) = self.names.name(&found.path, &self.writer) else {
                self.leave_out(&found.path.to_string_lossy(), "the path is not UTF-8");
                continue;
            };
            if !seen.insert(name.clone()) {
                continue;
            }
            match fs::metadata(&found.path).and_then(|metadata| Stat::from_metadata(&metadata)) {
                Ok(stat) if self.keep(&name, stat) => {}
                // If the metadata cannot be read, reading the file will fail with the reason.
                _ => {
                    let (path, is_named) = (found.path.clone(), found.is_named);
                    work.push(Task { name, path, is_named });
                }
            }
        }
        (work, seen)
    }

    /// Keeps a file that has not changed since it was embedded or failed. Returns whether it is
    /// kept.
    fn keep(&mut self, name: &str, stat: Stat) -> bool {
        let is_same = |stamp: &FileStamp| (stamp.size, stamp.mtime) == (stat.size, stat.mtime);
        if let Some(known) = self.writer.known(name)
            && let Some(stamp) = known.stamp.filter(is_same)
        {
            self.items.push((Item::Image(ImageItem { path: name.to_owned(), stamp }), known.row));
            self.report.kept += 1;
            return true;
        }
        let failure = self.writer.failure(name).filter(|failure| is_same(&failure.stamp)).cloned();
        self.report.failed_before += usize::from(failure.is_some());
        self.failures.extend(failure.clone());
        failure.is_some()
    }

    /// Processes the result of reading a file.
    fn complete(
        &mut self,
        task: &Task,
        read: std::io::Result<Option<(FileStamp, Content)>>,
    ) -> Result<(), IndexError> {
        let (stamp, content) = match read {
            Ok(Some(read)) => read,
            Ok(None) => {
                self.report.other_files += 1;
                (self.observe)(Event::Done(1));
                return Ok(());
            }
            // The file was removed after the walk.
            Err(error) if is_absence(&error) && !task.is_named => {
                (self.observe)(Event::Done(1));
                return Ok(());
            }
            Err(error) => {
                self.leave_out(&task.name, &error.to_string());
                (self.observe)(Event::Done(1));
                return Ok(());
            }
        };
        let item = ImageItem { path: task.name.clone(), stamp };
        match content {
            Content::Known(row) => {
                self.reused.insert(row);
                self.items.push((Item::Image(item), row));
                self.report.recognised += 1;
                (self.observe)(Event::Done(1));
                Ok(())
            }
            Content::Faulty(reason) => self.fail(item, reason),
            Content::Pixels(pixels) => {
                // A processor that does not crop returns images of different sizes.
                let fits = self.batch.first().is_none_or(|(_, first)| first.dim() == pixels.dim());
                if !fits {
                    self.embed()?;
                }
                self.batch.push((item, pixels));
                if self.batch.len() == BATCH { self.embed() } else { Ok(()) }
            }
        }
    }

    /// Runs the batch through the tower and adds the embeddings to the index.
    fn embed(&mut self) -> Result<(), IndexError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let (items, pixels): (Vec<_>, Vec<_>) = self.batch.drain(..).unzip();
        let views: Vec<_> = pixels.iter().map(|pixels| pixels.view()).collect();
        let pixels = ndarray::stack(Axis(0), &views).expect("a batch is of one size");
        let features = match self.model.get_image_features(pixels.view()) {
            Ok(features) => features,
            Err(ModelError::Vision(fault)) => {
                return items
                    .into_iter()
                    .try_for_each(|item| self.fail(item, full_message(&fault)));
            }
            Err(error) => return Err(error.into()),
        };
        let embeddings = l2_normalize(features);
        let is_finite = |i: &usize| embeddings.row(*i).iter().all(|x| x.is_finite());
        let (finite, other): (Vec<usize>, Vec<usize>) = (0..items.len()).partition(is_finite);
        for i in other {
            let reason = "the model gives no finite embedding; its weights may be damaged";
            self.fail(items[i].clone(), reason.to_owned())?;
        }
        let items: Vec<Item> = finite.iter().map(|&i| Item::Image(items[i].clone())).collect();
        let rows = self.writer.append(&items, embeddings.select(Axis(0), &finite).view())?;
        self.report.embedded += items.len();
        (self.observe)(Event::Done(items.len()));
        self.items.extend(items.into_iter().zip(rows));
        Ok(())
    }

    /// Remembers a file that cannot be embedded.
    fn fail(&mut self, item: ImageItem, reason: String) -> Result<(), IndexError> {
        let failure = Failure { path: item.path, stamp: item.stamp, reason };
        self.leave_out(&failure.path, &failure.reason);
        self.writer.append_failures(std::slice::from_ref(&failure))?;
        self.failures.push(failure);
        (self.observe)(Event::Done(1));
        Ok(())
    }

    fn leave_out(&mut self, path: &str, reason: &str) {
        self.report.failed += 1;
        (self.observe)(Event::LeftOut { path, reason });
    }

    /// Keeps the items and failures of files that this run did not examine.
    fn retain(&mut self, walk: &Walk, seen: &HashSet<String>) {
        let roots: Vec<_> = walk.roots.iter().map(|root| self.names.absolute(root)).collect();
        let unreadable: Vec<_> =
            walk.unreadable.iter().map(|(path, _)| self.names.absolute(path)).collect();
        let is_below = |path: &Path, folders: &[PathBuf]| {
            folders.iter().any(|folder| path.starts_with(folder))
        };
        // Whether a file was neither found by the walk nor missing from it.
        let is_elsewhere = |name: &str| {
            let path = self.names.path(name);
            !seen.contains(name) && (!is_below(&path, &roots) || is_below(&path, &unreadable))
        };
        let is_gone = |name: &str| {
            fs::symlink_metadata(self.names.path(name)).is_err_and(|error| is_absence(&error))
        };
        let mut retained = Vec::new();
        for name in self.writer.names() {
            let known = self.writer.known(name).expect("a name that is known");
            let Some(stamp) = known.stamp else { continue };
            // A file was moved if its content has a new name and the old name no longer exists.
            let is_moved = || self.reused.contains(&known.row) && is_gone(name);
            if is_elsewhere(name) && !is_moved() {
                let item = ImageItem { path: name.to_owned(), stamp };
                retained.push((Item::Image(item), known.row));
            }
        }
        self.report.kept += retained.len();
        self.items.extend(retained);
        let elsewhere = self.writer.failures().filter(|failure| is_elsewhere(&failure.path));
        self.failures.extend(elsewhere.cloned().collect::<Vec<_>>());
    }

    fn finish(mut self) -> Result<Report, IndexError> {
        self.items.sort_unstable_by(|(a, _), (b, _)| a.name().cmp(b.name()));
        self.failures.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        self.report.items = self.items.len();
        let now: HashSet<&str> = self.items.iter().map(|(item, _)| item.name()).collect();
        self.report.dropped = self.writer.names().filter(|name| !now.contains(name)).count();
        self.writer.finish(self.items, self.failures)?;
        Ok(self.report)
    }
}
