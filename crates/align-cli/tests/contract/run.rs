//! Runs the program in a folder with a model and some images.

use align_testing::checkpoint;
use image::{Rgb, RgbImage};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A folder with the images `red.png` and `blue.png`, and with `bad.png`, which is not an image.
pub(crate) struct Folder(TempDir);

/// The exit code and the output of a run.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let color = |name: &str, color| {
            let shade = |x: u32, y: u32| Rgb([0, 1, 2].map(|c| color ^ (x * 3 + y * 5 + c) as u8));
            RgbImage::from_fn(50, 40, shade).save(folder.path().join(name)).unwrap();
        };
        color("red.png", 200);
        color("blue.png", 17);
        std::fs::write(folder.path().join("bad.png"), "this is no image").unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.write_bytes(name, text.as_bytes());
    }

    pub(crate) fn write_bytes(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The values of an `.npy` file of f32. Its header must have this shape.
    pub(crate) fn npy(&self, name: &str, shape: &str) -> Vec<f32> {
        let bytes = std::fs::read(self.path(name)).unwrap();
        let (header, values) = bytes.split_at(128);
        let header = String::from_utf8_lossy(header);
        let dict = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        assert!(header.contains(&dict), "{header}");
        values.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    /// A command in this folder, with one thread and no model.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_align"));
        command.current_dir(self.0.path()).args(arguments).args(["--threads", "1"]);
        command.env_remove("ALIGN_MODEL").env_remove("ALIGN_ISA");
        command
    }

    /// Runs with the tiny model.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from_command(self.command(arguments).env("ALIGN_MODEL", model()))
    }

    /// Runs with the tiny model and this standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.env("ALIGN_MODEL", model()).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::new(child.wait_with_output().unwrap())
    }

    /// Runs without any model.
    pub(crate) fn run_without_model(&self, arguments: &[&str]) -> Ran {
        Ran::from_command(&mut self.command(arguments))
    }
}

/// The folder of the tiny model, which is written once.
pub(crate) fn model() -> &'static Path {
    static MODEL: OnceLock<TempDir> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        checkpoint::write_checkpoint(folder.path());
        folder
    };
    MODEL.get_or_init(make).path()
}

impl Ran {
    pub(crate) fn from_command(command: &mut Command) -> Self {
        Self::new(command.stdin(Stdio::null()).output().unwrap())
    }

    fn new(output: std::process::Output) -> Self {
        Self {
            code: output.status.code().expect("not ended by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output as JSON lines. The run must have succeeded without messages.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""));
        self.lines_of_json()
    }

    /// Standard output as JSON lines, for any exit code and messages.
    #[track_caller]
    pub(crate) fn lines_of_json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Checks that a run failed with this code and these messages and printed no result.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, messages: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        assert_eq!(self.stdout, "");
        for message in messages {
            assert!(self.stderr.contains(message), "{message:?} not in:\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }
}
