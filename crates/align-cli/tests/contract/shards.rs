//! `align embed` on tar files.

use crate::run::{Folder, Ran};
use serde_json::Value;
use tar::{Builder, EntryType, Header};

fn header(size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    header
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (path, content) in members {
        tar.append_data(&mut header(content.len() as u64), path, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

pub(crate) fn fields<'a>(lines: &'a [Value], name: &str) -> Vec<&'a str> {
    lines.iter().map(|line| line[name].as_str().unwrap()).collect()
}

/// A folder with a shard of two good images and members of other kinds.
fn shard() -> Folder {
    let folder = Folder::new();
    let (red, blue) = (folder.read("red.png"), folder.read("blue.png"));
    let members: [(&str, &[u8]); 7] = [
        ("a/000.png", &red),
        ("a/000.json", br#"{"caption": "a red photo", "width": 50, "url": null}"#),
        ("a/000.txt", b"a red photo\n"),
        ("a/._000.png", b"what macOS leaves behind"),
        ("a/001.seg.PNG", &blue),
        ("a/001.txt", b"blue dog"),
        ("README", b"no sample"),
    ];
    folder.write_bytes("s.tar", &tar(&members));
    folder
}

#[test]
fn images_of_a_shard_are_those_of_files() {
    let folder = shard();
    let files = folder.run(&["embed", "image", "red.png", "blue.png"]).json_lines();
    let shard = folder.run(&["embed", "image", "s.tar"]).json_lines();
    assert_eq!(fields(&shard, "image"), ["s.tar/a/000.png", "s.tar/a/001.seg.PNG"]);
    assert_eq!(embeddings(&shard), embeddings(&files));
    let mixed = folder.run(&["embed", "image", "blue.png", "s.tar"]).json_lines();
    assert_eq!(fields(&mixed, "image")[0], "blue.png");
    assert_eq!(embeddings(&mixed), embeddings(&[&files[1..], &shard].concat()));
    // `--column` selects the part of a sample.
    let part = folder.run(&["embed", "image", "s.tar", "--column", "seg.png"]).json_lines();
    assert_eq!(part, shard[1..]);
}

pub(crate) fn embeddings(lines: &[Value]) -> Vec<&Value> {
    lines.iter().map(|line| &line["embedding"]).collect()
}

#[test]
fn shards_are_named_on_standard_input_too() {
    let folder = shard();
    let piped = folder.run_with_input(&["embed", "image", "-"], "s.tar\nred.png\n").json_lines();
    assert_eq!(fields(&piped, "image"), ["s.tar/a/000.png", "s.tar/a/001.seg.PNG", "red.png"]);
    let captions = folder.run_with_input(&["embed", "text", "--from", "-"], "s.tar\n");
    assert_eq!(fields(&captions.json_lines(), "text"), ["a red photo", "blue dog"]);
}

#[test]
fn captions_are_members_or_fields_of_json() {
    let folder = shard();
    let texts = folder.run(&["embed", "text", "a red photo", "blue dog"]).json_lines();
    let members = folder.run(&["embed", "text", "--from", "s.tar"]).json_lines();
    assert_eq!(fields(&members, "item"), ["s.tar/a/000.txt", "s.tar/a/001.txt"]);
    assert_eq!(fields(&members, "text"), ["a red photo", "blue dog"]);
    assert_eq!(embeddings(&members), embeddings(&texts));
    let json = ["embed", "text", "--from", "s.tar", "--column", "caption"];
    let json = folder.run(&json).json_lines();
    assert_eq!(fields(&json, "item"), ["s.tar/a/000.json"]);
    assert_eq!(embeddings(&json), embeddings(&texts[..1]));
    // An output file has the same columns.
    let ran = folder.run(&["embed", "text", "--from", "s.tar", "--output", "out.safetensors"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let bytes = folder.read("out.safetensors");
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    assert_eq!(metadata["item"], r#"["s.tar/a/000.txt","s.tar/a/001.txt"]"#);
    assert_eq!(metadata["text"], r#"["a red photo","blue dog"]"#);
}

/// Checks that a run printed the names `given`, reported these errors and exited with code 1, or 0
/// with --keep-going.
#[track_caller]
pub(crate) fn skips(
    folder: &Folder,
    arguments: &[&str],
    name: &str,
    given: &[&str],
    reported: &[&str],
) {
    for (keep_going, code) in [(&[][..], 1), (&["--keep-going"], 0)] {
        let Ran { code: found, stderr, .. } = &folder.run(&[arguments, keep_going].concat());
        assert_eq!(*found, code, "{stderr}");
        let errors: Vec<_> = stderr.lines().filter_map(|l| l.strip_prefix("error: ")).collect();
        assert_eq!(errors.len(), reported.len(), "{stderr}");
        for (error, reported) in errors.iter().zip(reported) {
            assert!(error.contains(reported), "{reported:?} not in {error:?}");
        }
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    let lines = folder.run(arguments).lines_of_json();
    assert_eq!(fields(&lines, name), given);
}

#[test]
fn a_bad_image_is_skipped() {
    let folder = Folder::new();
    let red = folder.read("red.png");
    folder.write_bytes("s.tar", &tar(&[("0.jpg", b"no"), ("1.png", &red), ("2.png", b"")]));
    skips(
        &folder,
        &["embed", "image", "s.tar", "red.png"],
        "image",
        &["s.tar/1.png", "red.png"],
        &["s.tar/0.jpg: not an image", "s.tar/2.png: the file is empty"],
    );
}

#[test]
fn bad_captions_are_skipped() {
    let folder = Folder::new();
    let long = "cat ".repeat(80);
    let huge = vec![b' '; (1 << 20) + 1];
    let members: [(&str, &[u8]); 5] = [
        ("0.txt", b"a cat"),
        ("1.txt", b"\xff\xfe"),
        ("2.txt", long.as_bytes()),
        ("3.txt", &huge),
        ("4.txt", b"the dog"),
    ];
    folder.write_bytes("s.tar", &tar(&members));
    let arguments = ["embed", "text", "--from", "s.tar"];
    let mut reported = vec![
        "s.tar/1.txt: the text is not UTF-8",
        "s.tar/2.txt: text 0 (\"cat cat",
        "s.tar/3.txt: expected at most 1048576 bytes, found 1048577",
    ];
    skips(&folder, &arguments, "item", &["s.tar/0.txt", "s.tar/4.txt"], &reported);
    // --truncate cuts a caption that is too long.
    reported.remove(1);
    let items = ["s.tar/0.txt", "s.tar/2.txt", "s.tar/4.txt"];
    skips(&folder, &[&arguments[..], &["--truncate"]].concat(), "item", &items, &reported);
    let cut = folder.run(&["embed", "text", "--truncate", &long]).json_lines();
    let captions = folder.run(&[&arguments[..], &["--truncate"]].concat()).lines_of_json();
    assert_eq!(captions[1]["embedding"], cut[0]["embedding"]);

    let members: [(&str, &[u8]); 5] = [
        ("0.json", br#"{"caption": "a cat"}"#),
        ("1.json", br#"{"caption": null}"#),
        ("2.json", br#"{"text": "a cat"}"#),
        ("3.json", br#"{"caption": "#),
        ("4.json", br#"["caption"]"#),
    ];
    folder.write_bytes("j.tar", &tar(&members));
    skips(
        &folder,
        &["embed", "text", "--from", "j.tar", "--column", "caption"],
        "item",
        &["j.tar/0.json"],
        &[
            "j.tar/1.json: field \"caption\": expected a text, found null",
            "j.tar/2.json: field \"caption\": expected a text, found no such field",
            "j.tar/3.json: EOF while parsing",
            "j.tar/4.json: field \"caption\": expected a text, found no such field",
        ],
    );
}

#[test]
fn a_truncated_shard_gives_what_is_before_the_cut() {
    let folder = Folder::new();
    let red = folder.read("red.png");
    let whole = tar(&[("0.png", &red), ("1.png", &red)]);
    let member = (512 + red.len()).next_multiple_of(512);
    let cut = |at: usize, given: &[&str], reported: &str| {
        folder.write_bytes("s.tar", &whole[..at]);
        let arguments = ["embed", "image", "s.tar", "blue.png"];
        skips(&folder, &arguments, "image", &[given, &["blue.png"]].concat(), &[reported]);
    };
    let first = &["s.tar/0.png"];
    cut(0, &[], "s.tar: first member: truncated");
    cut(100, &[], "s.tar: first member: failed to read entire block");
    let found = format!("s.tar: member 0.png: truncated: expected {} bytes, found 10", red.len());
    cut(522, &[], &found);
    cut(member, first, "s.tar: after member 0.png: truncated");
    cut(member + 7, first, "s.tar: after member 0.png: failed to read entire block");
    let found = format!("s.tar: member 1.png: truncated: expected {} bytes, found 0", red.len());
    cut(member + 512, first, &found);
    let both = &["s.tar/0.png", "s.tar/1.png"];
    cut(2 * member, both, "s.tar: after member 1.png: truncated: the archive has no end");
}

#[test]
fn sizes_that_lie_are_refused() {
    let folder = Folder::new();
    let red = folder.read("red.png");
    let mut lying = tar(&[("0.png", &red)]);
    // 2^60 bytes, in the binary form of GNU tar.
    let mut huge = header(1 << 60);
    huge.set_path("1.png").unwrap();
    huge.set_cksum();
    lying.splice(lying.len() - 1024.., huge.as_bytes().iter().copied());
    folder.write_bytes("lying.tar", &lying);
    let arguments = ["embed", "image", "lying.tar"];
    let fault = "member 1.png: truncated: expected 1152921504606846976 bytes, found 0";
    skips(&folder, &arguments, "image", &["lying.tar/0.png"], &[fault]);

    // The length of a name is limited.
    for (length, given) in [(5_000, true), (2 << 20, false)] {
        let name = format!("{}.png", "x".repeat(length));
        folder.write_bytes("long.tar", &tar(&[("0.png", &red), (&name, &red)]));
        let arguments = ["embed", "image", "long.tar"];
        if given {
            let lines = folder.run(&arguments).json_lines();
            assert_eq!(fields(&lines, "image")[1], format!("long.tar/{name}"));
        } else {
            let fault = "long.tar: after member 0.png: a header of more than 1048576 bytes";
            skips(&folder, &arguments, "image", &["long.tar/0.png"], &[fault]);
        }
    }
}

#[test]
fn what_is_no_shard_is_said() {
    let folder = shard();
    folder.write("text.tar", &"this is no archive ".repeat(100));
    let cases: [(&[&str], &str); 6] = [
        (&["embed", "image", "text.tar"], "text.tar: first member: "),
        (&["embed", "image", "no.tar"], "no.tar: No such file"),
        (
            &["embed", "image", "s.tar", "--column", "webp"],
            "s.tar: expected a member named KEY.webp, found none",
        ),
        (
            &["embed", "text", "--from", "no-text.tar"],
            "no-text.tar: expected a member that ends in .txt (--column NAME reads .json), found none",
        ),
        (&["embed", "image", "no-text.tar/0.png"], "no-text.tar/0.png: "),
        (&["embed", "image", "none.tar"], "none.tar: expected a member that ends in .jpg, .jpeg, "),
    ];
    folder.write_bytes("no-text.tar", &tar(&[("0.png", &folder.read("red.png"))]));
    folder.write_bytes("none.tar", &tar(&[("0.txt", b"a cat")]));
    for (arguments, message) in cases {
        skips(&folder, arguments, "image", &[], &[message]);
    }
}

#[test]
fn nothing_is_written_beside_the_output() {
    let folder = shard();
    let before = folder.files();
    let ran = folder.run(&["embed", "image", "s.tar", "--output", "no/folder/out.npy"]);
    ran.fails(1, &["no/folder/out.npy: cannot write: No such file"]);
    assert_eq!(folder.files(), before);
    assert_eq!(folder.run(&["embed", "image", "s.tar", "--output", "out.npy"]).code, 0);
    assert_eq!(folder.npy("out.npy", "(2, 160)").len(), 320);
    assert_eq!(folder.files().len(), before.len() + 1);
}

#[test]
fn wrong_usage() {
    let folder = shard();
    let cases: [(&[&str], &str); 5] = [
        (&["embed", "image", "red.png", "--column", "image"], "--column is for .tar and .parquet"),
        (&["embed", "text", "a", "--column", "caption"], "--column is for .tar and .parquet"),
        (&["embed", "text", "a", "--from", "s.tar"], "cannot be used with"),
        (&["embed", "text"], "TEXT"),
        (
            &["embed", "text", "--from", "captions.csv"],
            "captions.csv: expected a file name ending in .tar or .parquet",
        ),
    ];
    for (arguments, message) in cases {
        folder.run(arguments).fails(2, &[message]);
    }
}

#[test]
#[cfg(not(feature = "parquet"))]
fn parquet_names_its_feature() {
    let folder = Folder::new();
    let cases: [&[&str]; 3] = [
        &["embed", "text", "a", "--output", "a.parquet"],
        &["embed", "text", "--from", "a.parquet"],
        &["embed", "image", "red.png", "a.parquet"],
    ];
    for arguments in cases {
        folder.run(arguments).fails(2, &["built without Parquet", "--features parquet"]);
    }
}
