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

/// Images that go through the tower together: enough to keep all cores busy, few enough to keep
/// memory small and little in hand.
const BATCH: usize = 8;

/// Images that wait to: the next batch is ready when one is done, and one more.
const AHEAD: usize = 2 * BATCH;

/// Makes `writer`'s index hold the images that `walk` found, beside those that lie elsewhere.
///
/// - A file of the size and time of change that the index has is kept, unread. Of another, the
///   content decides: one that was embedded before, under whatever name, is not embedded again.
/// - What is no longer found below the walk's roots is dropped; a file that was moved from
///   elsewhere is followed. What could not be looked at stays.
/// - A file that cannot be embedded is left out, remembered, and not tried again until it changes.
///   One that cannot be read is left out and not remembered.
///
/// Files are read, decoded and preprocessed on `workers` threads while batches go through the tower
/// on the calling one with those of its runtime. Memory does not grow with the number of files but
/// for their names. Embedded images are in the index batch by batch; it is in order at the end.
///
/// # Errors
/// Where the index cannot be written.
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

    // What this run embeds is not looked up: it would depend on who was faster.
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

/// A file to look into.
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
    /// What the index will hold: items and their rows.
    items: Vec<(Item, usize)>,
    failures: Vec<Failure>,
    batch: Vec<(ImageItem, Array3<f32>)>,
    /// Rows that now belong to files of other names or times.
    reused: HashSet<usize>,
}

impl Update<'_> {
    /// Sorts what was found into what stays and what must be looked into; gives that, and the names
    /// of all.
    fn plan(&mut self, walk: &Walk) -> (Vec<Task>, HashSet<String>) {
        let (mut work, mut seen) = (Vec::new(), HashSet::with_capacity(walk.files.len()));
        for (path, error) in &walk.unreadable {
            self.leave_out(&path.to_string_lossy(), &error.to_string());
        }
        for path in &walk.missing {
            // A file that was there and is gone is dropped; nothing is wrong with that.
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
                // Where it cannot even be asked, reading it will say why.
                _ => {
                    let (path, is_named) = (found.path.clone(), found.is_named);
                    work.push(Task { name, path, is_named });
                }
            }
        }
        (work, seen)
    }

    /// Whether a file is as it was when it was embedded, or when it failed.
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

    /// Takes what was read of a file.
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
            // It has gone since it was found.
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
                // A processor that does not crop gives images of many sizes.
                let fits = self.batch.first().is_none_or(|(_, first)| first.dim() == pixels.dim());
                if !fits {
                    self.embed()?;
                }
                self.batch.push((item, pixels));
                if self.batch.len() == BATCH { self.embed() } else { Ok(()) }
            }
        }
    }

    /// Runs the batch through the tower and adds what comes out to the index.
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

    /// Keeps what the index has of files that this run had nothing to do with.
    fn retain(&mut self, walk: &Walk, seen: &HashSet<String>) {
        let roots: Vec<_> = walk.roots.iter().map(|root| self.names.absolute(root)).collect();
        let unreadable: Vec<_> =
            walk.unreadable.iter().map(|(path, _)| self.names.absolute(path)).collect();
        let is_below = |path: &Path, folders: &[PathBuf]| {
            folders.iter().any(|folder| path.starts_with(folder))
        };
        // Neither found nor missed by this run.
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
            // A file that has another name now was moved.
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
