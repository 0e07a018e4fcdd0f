//! The life of an index: beginning, interruption, continuation, commit and damage.

use super::files::{JOURNAL, JOURNAL_ROWS, MANIFEST};
use super::*;
use crate::digest::Digest;
use crate::npy::Dtype;
use crate::testing::{description, embeddings, texts};
use ndarray::{Array2, ArrayBase, ArrayView2, Axis, Data, Ix2, Slice};
use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const DIM: usize = 3;

fn folder() -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("index");
    (temporary, folder)
}

/// A writer of shards of four rows.
fn writer(folder: &Path) -> IndexWriter {
    let description = description(ItemKind::Texts, Dtype::F32, DIM);
    IndexWriter::open(folder, &description).unwrap().with_shard_rows(4)
}

/// Some rows of an array.
fn part<S: Data<Elem = f32>>(
    rows: &ArrayBase<S, Ix2>,
    range: impl std::ops::RangeBounds<usize>,
) -> ArrayView2<'_, f32> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        _ => 0,
    };
    let end = match range.end_bound() {
        Bound::Excluded(&end) => end,
        _ => rows.nrows(),
    };
    rows.slice_axis(Axis(0), Slice::from(start..end))
}

/// Contents of files, by name.
type Files = BTreeMap<String, Vec<u8>>;

/// All files of a folder.
fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap())).collect()
}

fn restore(folder: &Path, files: &Files) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Makes the index hold these texts. New texts are embedded.
fn update(mut writer: IndexWriter, items: &[Item], rows: ArrayView2<'_, f32>) {
    for (i, item) in items.iter().enumerate() {
        if writer.known(item.name()).is_none() {
            writer.append(std::slice::from_ref(item), part(&rows, i..i + 1)).unwrap();
        }
    }
    let row = |item: &Item| writer.known(item.name()).unwrap().row;
    let all = items.iter().map(|item| (item.clone(), row(item))).collect();
    writer.finish(all, Vec::new()).unwrap();
}

fn contents(index: &Index) -> Vec<(String, Vec<f32>)> {
    let row = |row| {
        let embedding = index.embedding(row).unwrap().to_vec();
        (index.item(row).unwrap().name().to_owned(), embedding)
    };
    index.rows().map(row).collect()
}

fn expected(items: &[Item], rows: ArrayView2<'_, f32>) -> Vec<(String, Vec<f32>)> {
    items.iter().zip(rows.rows()).map(|(i, row)| (i.name().to_owned(), row.to_vec())).collect()
}

#[test]
fn what_is_finished_is_in_shards_that_numpy_reads() {
    let (_temporary, folder) = folder();
    let (items, rows) = (texts(10), embeddings(10, DIM, 1));
    update(writer(&folder), &items, rows.view());
    let index = Index::open(&folder).unwrap();
    assert_eq!(contents(&index), expected(&items, rows.view()));
    assert!(index.is_finished());
    index.verify().unwrap();

    let files = files(&folder);
    let shards = [("embeddings", ".npy"), ("items", ".jsonl")]
        .into_iter()
        .flat_map(|(kind, ending)| (0..3).map(move |n| (format!("{kind}-{n:05}-"), ending)));
    for ((start, ending), name) in shards.zip(files.keys()) {
        assert!(name.starts_with(&start) && name.ends_with(ending), "{name}");
    }
    assert!(files.keys().skip(6).eq(["lock", MANIFEST]));
    let last = files.iter().find(|(name, _)| name.starts_with("items-00002")).unwrap();
    assert_eq!(last.1, b"{\"text\":\"text 8\"}\n{\"text\":\"text 9\"}\n");
    let npy = files.keys().find(|name| name.starts_with("embeddings-00001")).unwrap();
    let npy = crate::npy::NpyFile::open(folder.join(npy)).unwrap();
    assert_eq!(npy.shape(), [4, DIM]);
    assert_eq!(*npy.values::<f32>().unwrap(), *part(&rows, 4..8).as_slice().unwrap());
}

#[test]
fn half_precision_is_rounded_to_nearest() {
    let (_temporary, folder) = folder();
    let (items, rows) = (texts(5), embeddings(5, DIM, 1));
    let description = description(ItemKind::Texts, Dtype::F16, DIM);
    update(IndexWriter::open(&folder, &description).unwrap(), &items, rows.view());
    let rounded = rows.mapv(|x| half::f16::from_f32(x).to_f32());
    assert_eq!(contents(&Index::open(&folder).unwrap()), expected(&items, rounded.view()));
}

#[test]
fn the_bytes_do_not_tell_how_they_came_about() {
    let (items, rows) = (texts(11), embeddings(11, DIM, 1));
    let at_once = {
        let (_temporary, folder) = folder();
        update(writer(&folder), &items, rows.view());
        files(&folder)
    };
    // In pieces, with texts that are dropped again, in another order, and with interrupted runs.
    let (_temporary, folder) = folder();
    update(writer(&folder), &items[3..9], part(&rows, 3..9));
    let mut cut_short = writer(&folder);
    cut_short.append(&items[9..], part(&rows, 9..)).unwrap();
    drop(cut_short);
    update(writer(&folder), &items[..5], part(&rows, ..5));
    let mut reversed = items.clone();
    reversed.reverse();
    update(writer(&folder), &reversed, rows.slice_axis(Axis(0), Slice::new(0, None, -1)));
    assert_ne!(files(&folder), at_once);
    update(writer(&folder), &items, rows.view());
    assert_eq!(files(&folder), at_once);
    // Nothing is written if nothing changes.
    let modified = || fs::metadata(folder.join(MANIFEST)).unwrap().modified().unwrap();
    let before = modified();
    update(writer(&folder), &items, rows.view());
    assert_eq!((files(&folder), modified()), (at_once, before));
}

#[test]
fn rows_that_stay_where_they_are_are_not_written_again() {
    let (_temporary, folder) = folder();
    let (items, rows) = (texts(12), embeddings(12, DIM, 1));
    update(writer(&folder), &items[..10], part(&rows, ..10));
    let first =
        files(&folder).into_keys().find(|name| name.starts_with("embeddings-00000")).unwrap();
    let inode = || {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(folder.join(&first)).unwrap().ino()
    };
    let before = inode();
    update(writer(&folder), &items, rows.view());
    assert_eq!(inode(), before);
    assert_eq!(contents(&Index::open(&folder).unwrap()), expected(&items, rows.view()));
}

#[test]
fn what_was_appended_is_there_without_an_end() {
    let (_temporary, folder) = folder();
    let (items, rows) = (texts(8), embeddings(8, DIM, 1));
    update(writer(&folder), &items[..5], part(&rows, ..5));
    let mut unfinished = writer(&folder);
    // Two texts are new, and one is embedded again.
    let anew = embeddings(1, DIM, 2);
    unfinished.append(&items[5..7], part(&rows, 5..7)).unwrap();
    unfinished.append(&items[2..3], anew.view()).unwrap();

    // The contents are the same while the writer works and after it is gone.
    let while_written = contents(&Index::open(&folder).unwrap());
    drop(unfinished);
    let index = Index::open(&folder).unwrap();
    assert!(!index.is_finished());
    assert_eq!(index.len(), 7);
    assert_eq!(contents(&index), while_written);
    let mut all = expected(&items[..7], part(&rows, ..7));
    all.remove(2);
    all.push((items[2].name().to_owned(), anew.row(0).to_vec()));
    assert_eq!(while_written, all);
    // The next writer continues with the work of the interrupted run.
    let writer = writer(&folder);
    assert_eq!(writer.known("text 2").unwrap().row, 7);
    assert!(writer.known("text 7").is_none());
}

#[test]
fn a_torn_journal_counts_as_far_as_it_is_whole() {
    let (_temporary, folder) = folder();
    let (items, rows) = (texts(6), embeddings(6, DIM, 1));
    update(writer(&folder), &items[..2], part(&rows, ..2));
    let mut unfinished = writer(&folder);
    for i in 2..6 {
        unfinished.append(&items[i..i + 1], part(&rows, i..i + 1)).unwrap();
    }
    drop(unfinished);
    let whole = files(&folder);
    let finished = {
        update(writer(&folder), &items, rows.view());
        files(&folder)
    };
    let lines = &whole[JOURNAL];
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', lines).map(|at| at + 1).collect();
    let check = |files: &Files, kept: usize| {
        restore(&folder, files);
        let index = Index::open(&folder).unwrap();
        assert_eq!(contents(&index), expected(&items[..2 + kept], part(&rows, ..2 + kept)));
        drop(index);
        update(writer(&folder), &items, rows.view());
        assert_eq!(self::files(&folder), finished);
    };
    // The lines end anywhere: at the end of a line, one byte before or after it, and in between.
    for end in
        (0..=lines.len()).filter(|end| end % 9 == 0 || ends.iter().any(|l| l.abs_diff(*end) < 2))
    {
        let mut torn = whole.clone();
        torn.get_mut(JOURNAL).unwrap().truncate(end);
        check(&torn, ends.iter().filter(|&&line| line <= end).count().saturating_sub(1));
    }
    // The rows end anywhere, as they may after a power failure.
    let stride = DIM * 4;
    for end in (0..=whole[JOURNAL_ROWS].len()).filter(|end| end % 5 == 0 || end % stride == 0) {
        let mut torn = whole.clone();
        torn.get_mut(JOURNAL_ROWS).unwrap().truncate(end);
        check(&torn, end / stride);
    }
    // A row fails its checksum.
    let mut changed = whole.clone();
    changed.get_mut(JOURNAL_ROWS).unwrap()[stride + 1] ^= 1;
    check(&changed, 1);
    let mut gone = whole.clone();
    gone.remove(JOURNAL_ROWS);
    check(&gone, 0);
}

#[test]
fn every_moment_of_finishing_can_be_the_last() {
    let (_temporary, folder) = folder();
    let (items, rows) = (texts(11), embeddings(11, DIM, 1));
    update(writer(&folder), &items[3..], part(&rows, 3..));
    let before = {
        let mut unfinished = writer(&folder);
        unfinished.append(&items[..3], part(&rows, ..3)).unwrap();
        drop(unfinished);
        files(&folder)
    };
    update(writer(&folder), &items, rows.view());
    let after = files(&folder);
    // New files are written one by one, then the manifest, then old files are removed one by one. A
    // file is incomplete only under the temporary name.
    let new: Vec<&String> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    let old: Vec<&String> = before.keys().filter(|name| !after.contains_key(*name)).collect();
    assert!(new.len() >= 6 && old.len() >= 6, "{new:?} {old:?}");
    let mut states = Vec::new();
    let mut state = before.clone();
    for name in new {
        state.insert("temporary".to_owned(), after[name][..after[name].len() / 2].to_vec());
        states.push((state.clone(), false));
        state.remove("temporary");
        state.insert(name.clone(), after[name].clone());
        states.push((state.clone(), false));
    }
    state.insert(MANIFEST.to_owned(), after[MANIFEST].clone());
    states.push((state.clone(), true));
    for name in old {
        state.remove(name);
        states.push((state.clone(), true));
    }
    assert_eq!(state, after);

    for (state, is_committed) in states {
        restore(&folder, &state);
        let index = Index::open(&folder).unwrap();
        assert_eq!((index.len(), index.is_finished()), (11, is_committed));
        let mut found = contents(&index);
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let mut all = expected(&items, rows.view());
        all.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(found, all);
        drop(index);
        update(writer(&folder), &items, rows.view());
        assert_eq!(files(&folder), after);
    }
}

#[test]
fn a_beginning_can_be_cut_short_too() {
    let (_temporary, folder) = folder();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("lock"), "").unwrap();
    fs::write(folder.join("temporary"), "{\"form").unwrap();
    let error = Index::open(&folder).unwrap_err();
    assert!(matches!(error, IndexError::NoIndex { .. }), "{error}");
    let (items, rows) = (texts(2), embeddings(2, DIM, 1));
    update(writer(&folder), &items, rows.view());
    assert_eq!(Index::open(&folder).unwrap().len(), 2);
    assert!(!folder.join("temporary").exists());
}

#[test]
fn one_writer_at_a_time() {
    let (_temporary, folder) = folder();
    let first = writer(&folder);
    let second = IndexWriter::open(&folder, &description(ItemKind::Texts, Dtype::F32, DIM));
    let message = second.expect_err("the first still writes").to_string();
    assert!(
        message.ends_with("index/lock: locked: another process is writing this index"),
        "{message}"
    );
    drop(first);
    drop(writer(&folder));
}

#[test]
fn other_models_are_refused_and_change_nothing() {
    let (_temporary, folder) = folder();
    let (items, rows) = (texts(2), embeddings(2, DIM, 1));
    update(writer(&folder), &items, rows.view());
    let before = files(&folder);
    let refused = |change: &dyn Fn(&mut Description)| {
        let mut other = description(ItemKind::Texts, Dtype::F32, DIM);
        change(&mut other);
        let message = IndexWriter::open(&folder, &other).expect_err("another").to_string();
        assert_eq!(files(&folder), before);
        message
    };
    let message = refused(&|d| d.model.fingerprint = Digest::from_content(b"other"));
    assert!(message.contains("made with another model: the index has"), "{message}");
    assert!(
        refused(&|d| d.model.precision = "bf16".into())
            .contains("another precision: the index has f32, this run bf16")
    );
    assert!(refused(&|d| d.model.dim = 4).contains("another embedding size"));
    let message = refused(&|d| drop(d.model.preprocessing.insert("size".into(), "3x3".into())));
    assert!(
        message.contains("another preprocessing: size: the index has 2x2, this run 3x3"),
        "{message}"
    );
    assert!(refused(&|d| d.kind = ItemKind::Images).contains("another kind of items"));
    assert!(refused(&|d| d.dtype = Dtype::F16).contains("another element type"));
}

#[test]
fn an_index_is_not_begun_among_other_files() {
    let (_temporary, folder) = folder();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("photo.jpg"), "mine").unwrap();
    let error = IndexWriter::open(&folder, &description(ItemKind::Texts, Dtype::F32, DIM));
    let message = error.expect_err("refused").to_string();
    assert!(message.contains("not an index and not empty: it holds \"photo.jpg\""), "{message}");
    assert_eq!(files(&folder).len(), 1);
}

#[test]
fn damage_is_named_and_an_index_that_is_damaged_is_not_written() {
    let (_temporary, folder) = folder();
    let (items, rows) = (texts(10), embeddings(10, DIM, 1));
    update(writer(&folder), &items, rows.view());
    let whole = files(&folder);
    let named = |start: &str| whole.keys().find(|name| name.starts_with(start)).unwrap().clone();
    let (npy, jsonl) = (named("embeddings-00001"), named("items-00001"));
    let damaged = |change: &dyn Fn(&mut Files)| {
        let mut files = whole.clone();
        change(&mut files);
        restore(&folder, &files);
        let message = Index::open(&folder).unwrap_err().to_string();
        let description = description(ItemKind::Texts, Dtype::F32, DIM);
        let refused = IndexWriter::open(&folder, &description).expect_err("damaged").to_string();
        assert_eq!(refused, message);
        assert_eq!(self::files(&folder), files);
        message
    };
    let message = damaged(&|files| files.get_mut(&npy).unwrap().truncate(150));
    assert!(
        message.contains(&npy)
            && message.contains("expected 176 bytes for shape [4, 3], found 150"),
        "{message}"
    );
    let message = damaged(&|files| files.get_mut(&jsonl).unwrap().truncate(5));
    assert!(message.contains(&jsonl) && message.contains("found 5"), "{message}");
    for name in [&npy, &jsonl] {
        let message = damaged(&|files| drop(files.remove(name)));
        assert!(message.contains(name.as_str()) && message.contains("missing"), "{message}");
    }
    let message = damaged(&|files| {
        let manifest = String::from_utf8(files[MANIFEST].clone()).unwrap();
        let tampered = manifest.replace("\"rows\": 10", "\"rows\": 11");
        files.insert(MANIFEST.to_owned(), tampered.into_bytes());
    });
    assert!(message.contains("manifest.json: damaged or changed"), "{message}");
    let message = damaged(&|files| {
        let other = files[&named("embeddings-00002")].clone();
        files.insert(npy.clone(), other);
    });
    assert!(message.contains("array: expected f32 [4, 3], found f32 [2, 3]"), "{message}");
    let message = damaged(&|files| {
        let lines = files.get_mut(&jsonl).unwrap();
        let at = lines.iter().position(|&b| b == b'\n').unwrap();
        lines[at] = b' ';
    });
    assert!(message.contains("items: expected 4 lines, found 3"), "{message}");
}

#[test]
fn damage_within_is_found_before_it_is_copied() {
    let (_temporary, folder) = folder();
    let (items, rows) = (texts(10), embeddings(10, DIM, 1));
    update(writer(&folder), &items, rows.view());
    let npy = files(&folder).into_keys().find(|name| name.starts_with("embeddings-00001")).unwrap();
    let mut bytes = fs::read(folder.join(&npy)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(folder.join(&npy), bytes).unwrap();
    let message = Index::open(&folder).unwrap().verify().unwrap_err().to_string();
    assert!(message.contains(&npy) && message.contains("damaged or changed"), "{message}");
    let before = files(&folder);
    let writer = writer(&folder);
    let all = items[1..].iter().map(|i| (i.clone(), writer.known(i.name()).unwrap().row)).collect();
    let refused = writer.finish(all, Vec::new()).unwrap_err().to_string();
    assert_eq!(refused, message);
    let manifest = |files: &Files| files[MANIFEST].clone();
    assert_eq!(manifest(&files(&folder)), manifest(&before));
}

#[test]
fn embeddings_that_are_none_are_refused() {
    let (_temporary, folder) = folder();
    let mut writer = writer(&folder);
    let items = texts(1);
    let mut refused = |row: Array2<f32>| writer.append(&items, row.view()).unwrap_err().to_string();
    let row = |values: [f32; 3]| Array2::from_shape_vec((1, 3), values.to_vec()).unwrap();
    assert!(refused(Array2::zeros((1, 2))).contains("expected 3 values, found 2"));
    assert!(refused(row([0.0; 3])).contains("expected unit length, found length 0"));
    assert!(refused(row([f32::NAN, 1.0, 0.0])).contains("found length NaN"));
    assert!(refused(row([1.0, 1.0, 0.0])).contains("\"text 0\""));
}

#[test]
fn failures_are_remembered() {
    let (_temporary, folder) = folder();
    let stamp = FileStamp { size: 3, mtime: -5, sha256: Digest::from_content(b"bad") };
    let failure = |path: &str, reason: &str| Failure {
        path: path.to_owned(),
        stamp,
        reason: reason.to_owned(),
    };
    let (a, b) = (failure("a.png", "truncated"), failure("b.png", "no image"));
    let mut unfinished = writer(&folder);
    unfinished.append_failures(&[b.clone(), failure("a.png", "before")]).unwrap();
    unfinished.append_failures(std::slice::from_ref(&a)).unwrap();
    drop(unfinished);
    assert_eq!(Index::open(&folder).unwrap().failures().unwrap(), [a.clone(), b.clone()]);
    let again = writer(&folder);
    assert_eq!(again.failure("a.png"), Some(&a));
    again.finish(Vec::new(), vec![a.clone()]).unwrap();
    let index = Index::open(&folder).unwrap();
    assert_eq!((index.failures().unwrap(), index.is_finished()), (vec![a], true));
    drop(index);
    writer(&folder).finish(Vec::new(), Vec::new()).unwrap();
    assert!(files(&folder).keys().all(|name| !name.starts_with("failures")));
}
