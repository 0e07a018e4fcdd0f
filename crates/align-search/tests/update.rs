//! Updates of an index: which files are embedded, and what the index holds in the end.

use align_model::{AlignModel, AlignProcessor, Precision, RgbImage, Threads, embed_texts};
use align_search::update::{Event, Report, update_images, update_texts, walk};
use align_search::{
    Description, Dtype, Index, IndexWriter, ItemKind, ModelIdentity, fingerprint_folder,
};
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

struct Tools {
    model: AlignModel,
    processor: AlignProcessor,
    identity: ModelIdentity,
}

fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        align_testing::checkpoint::write_checkpoint(folder.path());
        let model = AlignModel::from_pretrained(folder.path()).unwrap();
        let processor = AlignProcessor::from_pretrained(folder.path()).unwrap();
        let fingerprint = fingerprint_folder(folder.path(), &Threads::single()).unwrap();
        let identity = ModelIdentity::new(fingerprint, &model, &processor, Precision::F32);
        Tools { model, processor, identity }
    })
}

/// A folder with `pictures/`, and an index of them.
struct Case {
    temporary: TempDir,
    /// The files that the last update left out, and the reasons.
    left_out: Vec<(String, String)>,
}

impl Case {
    fn new() -> Self {
        let case = Self { temporary: tempfile::tempdir().unwrap(), left_out: Vec::new() };
        fs::create_dir(case.path("pictures")).unwrap();
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temporary.path().join(name)
    }

    /// A picture that depends on its number.
    fn picture(&self, name: &str, number: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let shade =
            |x: u32, y: u32| [0, 1, 2].map(|c| (number * 37 + x * (c + 3) + y * 5) as u8).into();
        RgbImage::from_fn(50, 40, shade).save(path).unwrap();
    }

    fn update(&mut self, paths: &[&str]) -> Report {
        let Tools { model, processor, identity } = tools();
        let kind = ItemKind::Images;
        let description = Description { kind, dtype: Dtype::F16, model: identity.clone() };
        let paths: Vec<PathBuf> = paths.iter().map(|name| self.path(name)).collect();
        let walk = walk(&paths, &self.path("index"));
        let writer = IndexWriter::open(self.path("index"), &description).unwrap();
        let (mut planned, mut done) = (0, 0);
        let left_out = &mut self.left_out;
        left_out.clear();
        let report = update_images(
            writer,
            model,
            processor,
            NonZeroUsize::new(2).unwrap(),
            &walk,
            &mut |event| match event {
                Event::Planned(count) => planned = count,
                Event::Done(count) => done += count,
                Event::LeftOut { path, reason } => {
                    left_out.push((path.to_owned(), reason.to_string()));
                }
            },
        )
        .unwrap();
        assert_eq!(done, planned);
        report
    }

    fn index(&self) -> Index {
        Index::open(self.path("index")).unwrap()
    }

    /// The names of all items below the folder of the case.
    fn names(&self) -> Vec<String> {
        let index = self.index();
        let name = |row| {
            let item = index.item(row).unwrap();
            let path = Path::new(item.name()).strip_prefix(self.temporary.path()).unwrap();
            path.to_str().unwrap().to_owned()
        };
        index.rows().map(name).collect()
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path("index")).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))
            .collect()
    }
}

/// Sets another time of change.
fn touch(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
}

#[test]
fn rows_are_what_the_model_gives() {
    let mut case = Case::new();
    (0..19).for_each(|n| case.picture(&format!("pictures/{n:02}.png"), n));
    fs::write(case.path("pictures/readme.txt"), "no picture").unwrap();
    let report = case.update(&["pictures"]);
    assert_eq!((report.items, report.embedded, report.other_files), (19, 19, 1));
    let index = case.index();
    let Tools { model, processor, .. } = tools();
    for (row, name) in index.rows().zip(case.names()) {
        let image = processor.image_processor().open(case.path(&name)).unwrap();
        let pixels = processor.images(&[image]).unwrap();
        let features = model.get_image_features(pixels.view()).unwrap();
        let expected = align_model::l2_normalize(features);
        let found = index.embedding(row).unwrap();
        // Half precision has 11 bits. The rounding error is at most 2^-11 of the value, or 2^-25 for
        // subnormal values.
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= b.abs() / 2048.0 + 2.0f32.powi(-25);
        assert!(found.iter().zip(&expected).all(near), "{name}");
    }
    assert!(case.names().is_sorted());
}

#[test]
fn only_what_is_new_or_changed_is_embedded() {
    let mut case = Case::new();
    (0..5).for_each(|n| case.picture(&format!("pictures/{n}.png"), n));
    assert_eq!(case.update(&["pictures"]).embedded, 5);
    let first = case.files();
    let report = case.update(&["pictures"]);
    assert_eq!(report, Report { items: 5, kept: 5, ..Report::default() });
    assert_eq!(case.files(), first);

    case.picture("pictures/sub/5.png", 5);
    case.picture("pictures/1.png", 11);
    touch(&case.path("pictures/2.png"));
    fs::rename(case.path("pictures/3.png"), case.path("pictures/33.png")).unwrap();
    fs::remove_file(case.path("pictures/4.png")).unwrap();
    let report = case.update(&["pictures"]);
    let expected = Report {
        items: 5,
        embedded: 2,
        kept: 1,
        recognised: 2,
        // The old name of the moved file, and the removed file.
        dropped: 2,
        ..Report::default()
    };
    assert_eq!(report, expected);
    let names = ["0", "1", "2", "33", "sub/5"].map(|name| format!("pictures/{name}.png"));
    assert_eq!(case.names(), names);

    // One run over the same files leaves the same bytes.
    let second = case.files();
    fs::remove_dir_all(case.path("index")).unwrap();
    assert_eq!(case.update(&["pictures"]).embedded, 5);
    assert_eq!(case.files(), second);
}

#[test]
fn a_broken_file_is_tried_again_when_it_changes() {
    let mut case = Case::new();
    case.picture("pictures/good.png", 1);
    case.picture("pictures/bad.png", 2);
    let whole = fs::read(case.path("pictures/bad.png")).unwrap();
    fs::write(case.path("pictures/bad.png"), &whole[..60]).unwrap();
    let report = case.update(&["pictures"]);
    assert_eq!((report.items, report.failed, report.failed_before), (1, 1, 0));
    let bad = case.path("pictures/bad.png").to_str().unwrap().to_owned();
    assert_eq!(case.left_out.len(), 1);
    assert_eq!(case.left_out[0].0, bad);
    assert!(case.left_out[0].1.contains("truncated PNG"), "{:?}", case.left_out);
    let failures = case.index().failures().unwrap();
    assert_eq!((failures.len(), &failures[0].path, failures[0].stamp.size), (1, &bad, 60));
    assert!(!failures[0].reason.contains("pictures"), "{}", failures[0].reason);

    let before = case.files();
    let report = case.update(&["pictures"]);
    assert_eq!((report.failed, report.failed_before, case.left_out.len()), (0, 1, 0));
    assert_eq!(case.files(), before);

    fs::write(case.path("pictures/bad.png"), &whole).unwrap();
    let report = case.update(&["pictures"]);
    assert_eq!((report.items, report.embedded, report.failed_before), (2, 1, 0));
    assert!(case.index().failures().unwrap().is_empty());
    // A file that was good and is broken now is no longer in the index.
    fs::write(case.path("pictures/good.png"), &whole[..70]).unwrap();
    let report = case.update(&["pictures"]);
    assert_eq!((report.items, report.failed, report.dropped), (1, 1, 1));
}

#[test]
fn named_files_must_be_images_and_missing_ones_are_said() {
    let mut case = Case::new();
    fs::write(case.path("notes.txt"), "no picture").unwrap();
    case.picture("pictures/a.png", 1);
    let report = case.update(&["notes.txt", "pictures/a.png", "nowhere.png"]);
    assert_eq!((report.items, report.failed), (1, 2));
    let reasons: Vec<_> = case.left_out.iter().map(|(_, reason)| reason.as_str()).collect();
    assert!(
        reasons[0] == "no such file or folder" && reasons[1].starts_with("not an image"),
        "{reasons:?}"
    );
    // A file that was indexed and removed is dropped without an error.
    fs::remove_file(case.path("pictures/a.png")).unwrap();
    let report = case.update(&["pictures/a.png"]);
    assert_eq!((report.items, report.dropped, report.failed), (0, 1, 0));
}

#[test]
fn what_lies_elsewhere_stays_and_is_followed_when_it_moves() {
    let mut case = Case::new();
    case.picture("pictures/a.png", 1);
    case.picture("other/b.png", 2);
    case.picture("other/c.png", 3);
    case.update(&["pictures"]);
    let report = case.update(&["other"]);
    assert_eq!((report.items, report.embedded, report.kept), (3, 2, 1));
    // The file is removed, but it is outside the roots of this walk.
    fs::remove_file(case.path("pictures/a.png")).unwrap();
    assert_eq!(case.update(&["other"]).items, 3);
    // A file that is moved below the roots is followed. A file that is copied stays.
    fs::rename(case.path("other/b.png"), case.path("pictures/b.png")).unwrap();
    fs::copy(case.path("other/c.png"), case.path("pictures/c.png")).unwrap();
    let report = case.update(&["pictures"]);
    assert_eq!((report.embedded, report.recognised, report.dropped), (0, 2, 2));
    assert_eq!(case.names(), ["other/c.png", "pictures/b.png", "pictures/c.png"]);
}

#[test]
fn a_run_that_was_cut_short_is_gone_on_with() {
    let mut case = Case::new();
    (0..4).for_each(|n| case.picture(&format!("pictures/{n}.png"), n));
    fs::write(case.path("pictures/bad.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    case.update(&["pictures"]);
    let at_once = case.files();
    fs::remove_dir_all(case.path("index")).unwrap();

    // A run that cannot write its files: a folder has the name of the temporary file.
    case.update(&["pictures/0.png"]);
    fs::create_dir(case.path("index/temporary")).unwrap();
    let Tools { model, processor, identity } = tools();
    let kind = ItemKind::Images;
    let description = Description { kind, dtype: Dtype::F16, model: identity.clone() };
    let run = || {
        let writer = IndexWriter::open(case.path("index"), &description)?;
        let walk = walk(&[case.path("pictures")], Path::new(""));
        let workers = NonZeroUsize::MIN;
        update_images(writer, model, processor, workers, &walk, &mut |_| ())
    };
    let message = run().unwrap_err().to_string();
    assert!(message.contains("index/journal.jsonl: cannot write"), "{message}");
    fs::remove_dir(case.path("index/temporary")).unwrap();
    let report = run().unwrap();
    assert_eq!((report.embedded, report.kept, report.failed), (3, 1, 1));
    assert_eq!(case.files(), at_once);
}

#[test]
fn texts_are_kept_in_their_order_each_once() {
    let case = Case::new();
    let Tools { model, processor, identity } = tools();
    let kind = ItemKind::Texts;
    let description = Description { kind, dtype: Dtype::F32, model: identity.clone() };
    let update = |texts: &[&str]| {
        let writer = IndexWriter::open(case.path("index"), &description).unwrap();
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        update_texts(writer, model, processor, texts, &mut |_| ())
    };
    let report = update(&["a dog", "a cat", "a dog", "red"]).unwrap();
    assert_eq!(report, Report { items: 3, embedded: 3, ..Report::default() });
    let names = |index: &Index| -> Vec<String> {
        index.rows().map(|row| index.item(row).unwrap().name().to_owned()).collect()
    };
    let index = case.index();
    assert_eq!(names(&index), ["a dog", "a cat", "red"]);
    let expected = embed_texts(model, processor, &["a dog", "a cat", "red"]).unwrap();
    for row in 0..3 {
        assert_eq!(index.embedding(row).unwrap(), expected.row(row));
    }
    let report = update(&["blue", "red", "a dog"]).unwrap();
    assert_eq!(report, Report { items: 3, embedded: 1, kept: 2, dropped: 1, ..Report::default() });
    assert_eq!(names(&case.index()), ["blue", "red", "a dog"]);

    let before = case.files();
    let message = update(&["the", &"cat ".repeat(80)]).unwrap_err().to_string();
    assert!(message.contains("text 1 (\"cat cat"), "{message}");
    // All files but the new journal are unchanged.
    let after = case.files();
    assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)));
    assert_eq!(names(&case.index()), ["blue", "red", "a dog"]);
}
