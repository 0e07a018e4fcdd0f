//! An engine in a process of its own that runs forwards on request.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::works::Work;

/// A running server; ended when dropped.
pub(super) struct Server {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    version: String,
}

/// Each forward's time, and the outputs of the last.
pub(super) struct Answer {
    pub(super) ms: Vec<f64>,
    pub(super) features: Vec<f64>,
}

impl Server {
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let requests = process.stdin.take().context("the server's input is piped")?;
        let answers = process.stdout.take().context("the server's output is piped")?;
        let mut server =
            Self { process, requests, answers: BufReader::new(answers), version: String::new() };
        server.version = server.line()?;
        Ok(server)
    }

    /// How the engine names itself.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Has `work` done `runs` times.
    pub(super) fn run(&mut self, work: &Work, runs: usize) -> Result<Answer> {
        let mut request = work.request.clone();
        request["runs"] = runs.into();
        writeln!(self.requests, "{request}")
            .with_context(|| format!("{} has ended", self.version))?;
        let answer: Value = serde_json::from_str(&self.line()?)?;
        let numbers = |name: &str| {
            numbers(&answer[name]).with_context(|| format!("{}: no {name}", self.version))
        };
        let (ms, features) = (numbers("ms")?, numbers("features")?);
        ensure!(ms.len() == runs, "{}: {} times of {runs}", self.version, ms.len());
        Ok(Answer { ms, features })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        ensure!(line.ends_with('\n'), "a server has ended early: {}", self.version);
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has already ended cannot be killed, and that is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The numbers of an array; none where it is no array.
pub(super) fn numbers(array: &Value) -> Option<Vec<f64>> {
    // JSON has no NaN: what is not a number here was not finite there.
    Some(array.as_array()?.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect())
}
