//! `align index`, killed and interrupted: the index stays valid, and one complete run leaves the same
//! files as a run without interruptions.

use crate::run::{Folder, Ran, model};
use align_search::{Index, IndexError};
use image::RgbImage;
use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

type Files = BTreeMap<String, Vec<u8>>;

const PICTURES: u32 = 60;

/// A folder with pictures, one of which is broken. `earlier` is an index of an earlier state of the
/// pictures, and `expected` is the index of an uninterrupted run.
struct Case {
    folder: Folder,
    earlier: Files,
    expected: Files,
}

fn picture(folder: &Folder, number: u32) {
    let color = |x: u32, y: u32| [number * 4, x * y + number, y * 5].map(|c| c as u8).into();
    let name = folder.path(&format!("photos/{number:03}.png"));
    RgbImage::from_fn(40, 40, color).save(name).unwrap();
}

fn case() -> Case {
    let folder = Folder::new();
    fs::create_dir(folder.path("photos")).unwrap();
    (0..PICTURES).for_each(|number| picture(&folder, number));
    assert_eq!(update(&folder, "earlier").code, 0);
    // Some pictures are new, changed, moved or removed.
    (20..30).for_each(|n| picture(&folder, n + PICTURES));
    (30..40).for_each(|n| fs::remove_file(folder.path(&format!("photos/{n:03}.png"))).unwrap());
    let path = |name: &str| folder.path("photos").join(name);
    fs::rename(path("005.png"), path("505.png")).unwrap();
    fs::copy(path("089.png"), path("001.png")).unwrap();
    fs::write(path("bad.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let ran = update(&folder, "expected");
    assert_eq!(ran.code, 1, "one is broken");
    let (earlier, expected) = (files(&folder, "earlier"), files(&folder, "expected"));
    Case { folder, earlier, expected }
}

fn command(folder: &Folder, index: &str) -> Command {
    let mut command = folder.command(&["index", "photos", "--index", index]);
    command.env("ALIGN_MODEL", model()).stdin(Stdio::null());
    command
}

fn update(folder: &Folder, index: &str) -> Ran {
    Ran::from_command(&mut command(folder, index))
}

fn files(folder: &Folder, index: &str) -> Files {
    let entries = fs::read_dir(folder.path(index)).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap())).collect()
}

fn restore(folder: &Folder, index: &str, files: &Files) {
    let _ = fs::remove_dir_all(folder.path(index));
    if !files.is_empty() {
        fs::create_dir(folder.path(index)).unwrap();
    }
    for (name, bytes) in files {
        fs::write(folder.path(index).join(name), bytes).unwrap();
    }
}

/// Pseudorandom numbers from 0 to 1.
fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1u64 << 53) as f64
}

/// The time span, in seconds after the start, in which a run probably does its work.
struct Moments {
    from: f64,
    to: f64,
}

impl Moments {
    /// The moment at a share of the span.
    fn at(&self, share: f64) -> f64 {
        self.from + (self.to - self.from) * share
    }

    /// Adapts the span after nothing had happened at `moment`. The machine may also have become
    /// slower.
    fn avoid_early(&mut self, moment: f64) {
        *self = Self { from: (self.from + moment) / 2.0, to: 1.1 * self.to };
    }

    /// Adapts the span after all work was done at `moment`. The machine may also have become faster.
    fn avoid_late(&mut self, moment: f64) {
        *self = Self { from: 0.9 * self.from, to: (moment + self.to) / 2.0 };
    }
}

#[test]
fn killed_at_fifty_moments_the_index_is_the_same_in_the_end() {
    let case = case();
    let folder = &case.folder;
    let mut state = 20_201_124;
    let (mut midway, mut untouched, mut finished) = (0, 0, 0);
    for (earlier, moments) in [(Files::new(), 25), (case.earlier.clone(), 25)] {
        restore(folder, "idx", &earlier);
        let start = Instant::now();
        assert_eq!(update(folder, "idx").code, 1);
        let mut moments_of_work = Moments { from: 0.0, to: start.elapsed().as_secs_f64() };
        assert!(files(folder, "idx") == case.expected, "a run that nothing hindered");

        for moment in 0..moments {
            restore(folder, "idx", &earlier);
            let mut command = command(folder, "idx");
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let after = moments_of_work.at(random(&mut state));
            sleep(Duration::from_secs_f64(after));
            child.kill().unwrap();
            child.wait().unwrap();

            // At any moment, the index can be read.
            let already = match Index::open(folder.path("idx")) {
                Ok(index) => {
                    index.verify().unwrap();
                    index.rows().for_each(|row| {
                        index.item(row).unwrap();
                        let length = index.embedding(row).unwrap().mapv(|x| x * x).sum();
                        assert!((length - 1.0).abs() < 1e-2, "{length}");
                    });
                    match index.is_finished() {
                        false => midway += 1,
                        true if files(folder, "idx") == case.expected => {
                            finished += 1;
                            moments_of_work.avoid_late(after);
                        }
                        true => {
                            untouched += 1;
                            moments_of_work.avoid_early(after);
                        }
                    }
                    index.len()
                }
                Err(IndexError::NoIndex { .. }) if earlier.is_empty() => {
                    untouched += 1;
                    moments_of_work.avoid_early(after);
                    0
                }
                Err(error) => panic!("moment {moment}: {error}"),
            };
            let ran = update(folder, "idx");
            assert_eq!(ran.code, 1, "{}", ran.stderr);
            assert!(files(folder, "idx") == case.expected, "moment {moment}");
            if earlier.is_empty() {
                // No picture is embedded twice.
                let embedded = ran.lines_of_json()[0]["embedded"].as_u64().unwrap();
                let items = Index::open(folder.path("idx")).unwrap().len();
                assert!(embedded as usize <= items - already, "{embedded} {items} {already}");
            }
        }
    }
    assert_eq!(midway + untouched + finished, 50);
    assert!(midway >= 10, "{midway} of 50 moments were in the midst of the work");
}

/// Runs an update with files limited to `blocks` blocks of 512 bytes. Beyond that, writes fail as on
/// a full disk.
#[cfg(unix)]
fn with_little_room(folder: &Folder, index: &str, blocks: u32) -> Ran {
    let align = command(folder, index);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"")).arg("sh");
    shell.arg(align.get_program()).args(align.get_args());
    shell.current_dir(align.get_current_dir().unwrap());
    shell.env("ALIGN_MODEL", model());
    Ran::from_command(&mut shell)
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_said_and_costs_nothing() {
    let case = case();
    let folder = &case.folder;
    let mut messages = Vec::new();
    for earlier in [Files::new(), case.earlier.clone()] {
        for blocks in [0, 1, 2, 3, 4, 6, 10, 16, 20, 24, 28, 32, 34, 36, 38, 40, 44] {
            restore(folder, "idx", &earlier);
            let ran = with_little_room(folder, "idx", blocks);
            if files(folder, "idx") == case.expected {
                continue;
            }
            assert_eq!(ran.code, 1, "{}", ran.stderr);
            assert_eq!(ran.stdout, "");
            assert!(ran.stderr.contains("cannot write: File too large"), "{}", ran.stderr);
            let message = ran.stderr.lines().last().unwrap();
            messages.push(message.split(": cannot write").next().unwrap().to_owned());
            // All earlier files are unchanged, and the index can be read.
            let now = files(folder, "idx");
            assert!(earlier.iter().all(|(name, bytes)| now.get(name) == Some(bytes)));
            match Index::open(folder.path("idx")) {
                Ok(index) => index.verify().unwrap(),
                Err(IndexError::NoIndex { .. }) => assert!(earlier.is_empty()),
                Err(error) => panic!("{blocks} blocks: {error}"),
            }
            assert_eq!(update(folder, "idx").code, 1);
            assert!(files(folder, "idx") == case.expected, "{blocks} blocks");
        }
    }
    messages.sort();
    messages.dedup();
    // The limit was reached at the beginning, in the journal, and in the shards. The last case needs
    // an update that adds little to a large index.
    let wanted = ["error: idx/manifest.json", "error: idx/journal.rows", "error: idx/temporary"];
    let has = |start: &&str| messages.iter().any(|message| message == start);
    assert!(wanted.iter().all(has), "{messages:?}");
}

/// Makes `command` run as an unprivileged user if this process ignores permissions, as root does.
#[cfg(unix)]
fn without_privileges(folder: &Folder, command: &mut Command) {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let probe = folder.path("probe");
    fs::create_dir(&probe).unwrap();
    mode(&probe, 0o555);
    if fs::write(probe.join("file"), "").is_ok() {
        mode(&folder.path("."), 0o755);
        mode(model(), 0o755);
        for file in fs::read_dir(model()).unwrap() {
            mode(&file.unwrap().path(), 0o644);
        }
        command.uid(65_534).gid(65_534);
    }
    let _ = fs::remove_dir_all(&probe);
}

/// A command for a copy of the program that every user may run.
#[cfg(unix)]
fn accessible(folder: &Folder, arguments: &[&str]) -> Command {
    let program = folder.path("align");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_align"), &program).unwrap();
    }
    let mut command = Command::new(program);
    command.current_dir(folder.path(".")).args(arguments).env("ALIGN_MODEL", model());
    without_privileges(folder, &mut command);
    command
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_said_and_can_be_searched() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    assert_eq!(folder.run(&["index", "red.png", "--index", "idx"]).code, 0);
    let before = files(&folder, "idx");
    fs::set_permissions(folder.path("idx"), fs::Permissions::from_mode(0o555)).unwrap();
    for name in before.keys() {
        let path = folder.path("idx").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap();
    }
    let run = |arguments: &[&str]| Ran::from_command(&mut accessible(&folder, arguments));
    run(&["index", "red.png", "blue.png", "--index", "idx"])
        .fails(1, &["idx/lock: cannot write: Permission denied"]);
    assert!(files(&folder, "idx") == before);
    let found = run(&["search", "--index", "idx", "--image", "red.png"]).json_lines();
    assert_eq!(found[0]["item"], "red.png");
    run(&["index", "red.png", "--index", "idx/sub"])
        .fails(1, &["idx/sub: cannot make: Permission denied"]);
    fs::set_permissions(folder.path("idx"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn two_writers_are_one_too_many() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["index", "red.png", "--index", "idx"]).code, 0);
    let before = files(&folder, "idx");
    let lock = fs::File::options().write(true).open(folder.path("idx/lock")).unwrap();
    lock.lock().unwrap();
    folder
        .run(&["index", "blue.png", "--index", "idx"])
        .fails(1, &["idx/lock: locked: another process is writing this index"]);
    assert!(files(&folder, "idx") == before);
    // Readers do not wait for the lock.
    assert_eq!(folder.run(&["search", "--index", "idx", "--text", "a cat"]).json_lines().len(), 1);
    drop(lock);
    assert_eq!(folder.run(&["index", "blue.png", "--index", "idx"]).code, 0);
}

#[test]
fn damage_is_said_by_every_command_and_left_as_it_is() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["index", "red.png", "blue.png", "--index", "idx"]).code, 0);
    let whole = files(&folder, "idx");
    let named = |start: &str| whole.keys().find(|name| name.starts_with(start)).unwrap().clone();
    let (npy, items) = (named("embeddings"), named("items"));
    let check = |change: &dyn Fn(&mut Files), messages: &[&str]| {
        let mut damaged = whole.clone();
        change(&mut damaged);
        restore(&folder, "idx", &damaged);
        for arguments in [
            &["index", "red.png", "--index", "idx"][..],
            &["search", "--index", "idx", "--text", "a"],
            &["duplicates", "--index", "idx"],
        ] {
            folder.run(arguments).fails(1, messages);
        }
        assert!(files(&folder, "idx") == damaged);
    };
    let cut = |name: &str, length: usize| {
        let name = name.to_owned();
        move |files: &mut Files| files.get_mut(&name).unwrap().truncate(length)
    };
    check(&cut(&npy, 700), &[&npy, "expected 768 bytes for shape [2, 160], found 700"]);
    check(&cut(&items, 20), &[&items, "found 20"]);
    check(&|files| drop(files.remove(&npy)), &[&npy, "missing, though manifest.json lists it"]);
    check(&|files| drop(files.remove(&items)), &[&items, "missing, though manifest.json lists it"]);
    check(
        &|files| {
            let manifest = String::from_utf8(files["manifest.json"].clone()).unwrap();
            let manifest = manifest.replace("\"precision\": \"f32\"", "\"precision\": \"f33\"");
            files.insert("manifest.json".to_owned(), manifest.into_bytes());
        },
        &["idx/manifest.json: damaged or changed: expected SHA-256"],
    );
    check(&cut("manifest.json", 100), &["idx/manifest.json: EOF while parsing"]);
    // With the original files, the index works again.
    restore(&folder, "idx", &whole);
    assert_eq!(folder.run(&["index", "red.png", "--index", "idx"]).json_lines()[0]["kept"], 2);
}

#[test]
fn a_reader_that_comes_in_between_waits_for_nobody() {
    let case = case();
    let folder = &case.folder;
    restore(folder, "idx", &case.earlier);
    let mut child =
        command(folder, "idx").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut read = 0;
    while child.try_wait().unwrap().is_none() {
        let index = Index::open(folder.path("idx")).unwrap();
        assert!(index.len() >= 50, "{}", index.len());
        index.rows().for_each(|row| drop(index.embedding(row).unwrap()));
        read += 1;
        sleep(Duration::from_millis(1));
    }
    assert!(read > 3, "{read}");
    assert!(files(folder, "idx") == case.expected);
}
