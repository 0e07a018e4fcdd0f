//! `cargo xtask peers`: how long align-rs takes beside other engines.
//!
//! Every engine computes the same towers with the same weights on the same inputs, in a process of
//! its own that waits for requests. Requests go round: a few forwards of ours, a few of each peer,
//! and again, so that what disturbs the machine disturbs all alike. How far each is from the oracle in
//! f64 stands beside the times.

mod precision;
mod rten;
mod server;
mod truth;
mod works;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::oracle::{self, Oracle};
use crate::workspace;
use precision::Precision;
use server::Server;
use truth::{Distance, Truth};
use works::Work;

/// The forwards of each engine in a round.
const RUNS_PER_ROUND: usize = 3;
/// Between two engines: threads of the one before may still spin, waiting for work.
const PAUSE: Duration = Duration::from_millis(100);

/// Times align-rs and other engines alternately on a synthetic align-base.
#[derive(Args)]
pub(crate) struct Peers {
    /// Only one image, and one text of 16 tokens
    #[arg(long)]
    quick: bool,
    /// The engine to compare with; repeat for several [default: all]
    #[arg(long = "peer", value_enum, value_name = "NAME")]
    peers: Vec<Peer>,
    /// The precision of ours; a peer has it where it can (OpenVINO bf16), else f32
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Precision::F32)]
    precision: Precision,
    /// Hold ours and rten to AVX2; the other peers, which cannot be held to it, are left out
    #[arg(long)]
    avx2: bool,
    /// The threads of every engine
    #[arg(long, value_name = "N", default_value_t = cores(), value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// The least number of timed forwards of each engine
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(10..))]
    runs: u16,
    /// The oracle's Python environment, where peers are installed too [default: target/oracle]
    #[arg(long, value_name = "DIR")]
    venv: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Peer {
    Onnxruntime,
    Openvino,
    Rten,
}

impl Peer {
    /// What it computes in where ours is asked for `precision`: ONNX Runtime's CPU provider and rten have no products
    /// of bf16.
    fn precision(self, precision: Precision) -> Precision {
        match self {
            Self::Openvino if precision == Precision::Bf16 => precision,
            _ => Precision::F32,
        }
    }
}

fn cores() -> u16 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().try_into().unwrap_or(1))
}

impl Peers {
    pub(crate) fn run(mut self) -> Result<()> {
        let venv = self.venv.take().unwrap_or_else(Oracle::default_folder);
        let python = Oracle::with_peers(&venv)?;
        let folder = workspace::root().join("target/peers/align-base");
        export(&python, &folder)?;
        if self.peers.is_empty() {
            self.peers = if self.avx2 { vec![Peer::Rten] } else { Peer::value_variants().to_vec() };
        }
        ensure!(
            !self.avx2 || self.peers.iter().all(|peer| *peer == Peer::Rten),
            "of the peers, --avx2 can hold rten only"
        );
        let works = if self.quick { Work::quick() } else { Work::all() };
        let mut oracle = server_of(&python, "truth", &folder, self.threads, Precision::F32);
        let truth = Truth::of(&works, folder.join("truth.json"), &mut oracle)?;

        let mut ours = ours(&folder, self.threads, self.precision)?;
        if self.avx2 {
            ours.env("ALIGN_ISA", "avx2");
        }
        let ours = Server::start(&mut ours)?;
        let mut engines = vec![Engine { server: ours, precision: self.precision }];
        for peer in &self.peers {
            let precision = peer.precision(self.precision);
            let python_server = |name| server_of(&python, name, &folder, self.threads, precision);
            let mut command = match peer {
                Peer::Onnxruntime => python_server("onnxruntime"),
                Peer::Openvino => python_server("openvino"),
                Peer::Rten => rten::server(&folder, self.threads, self.avx2)?,
            };
            engines.push(Engine { server: Server::start(&mut command)?, precision });
        }
        println!("{} threads; distances are those of unit embeddings from f64", self.threads);
        println!(
            "{:22}{:28}{:>9}{:>11}{:>11}{:>12}{:>12}{:>15}",
            "", "", "min ms", "median ms", "ours/peer", "of medians", "1 - cosine", "largest error"
        );
        for work in works {
            self.compare(&mut engines, &work, &truth)?;
        }
        Ok(())
    }

    /// Runs one piece of work on every engine and prints a row for each.
    fn compare(&self, engines: &mut [Engine], work: &Work, truth: &Truth) -> Result<()> {
        let mut times = vec![Vec::new(); engines.len()];
        let mut features = vec![Vec::new(); engines.len()];
        for _ in 0..usize::from(self.runs).div_ceil(RUNS_PER_ROUND) {
            for ((engine, times), features) in engines.iter_mut().zip(&mut times).zip(&mut features)
            {
                thread::sleep(PAUSE);
                let answer = engine.server.run(work, RUNS_PER_ROUND)?;
                times.extend(answer.ms);
                *features = answer.features;
            }
        }
        let times: Vec<_> = times.iter_mut().map(|times| Summary::of(times)).collect();
        for (index, (engine, time)) in engines.iter().zip(&times).enumerate() {
            let version = engine.server.version();
            let distance =
                truth.distance(work, &features[index]).with_context(|| version.to_owned())?;
            let (name, ratios) = match index {
                0 => (&work.name[..], [String::new(), String::new()]),
                _ => {
                    let ratios = [times[0].min / time.min, times[0].median / time.median];
                    ("", ratios.map(|ratio| format!("{ratio:.2}")))
                }
            };
            println!(
                "{name:22}{version:28}{:9.2}{:11.2}{:>11}{:>12}{:12.1e}{:15.1e}",
                time.min,
                time.median,
                ratios[0],
                ratios[1],
                distance.one_minus_cosine,
                distance.max
            );
            check(version, &distance, engine.precision)?;
        }
        Ok(())
    }
}

/// An engine that runs, and what it computes in.
struct Engine {
    server: Server,
    precision: Precision,
}

/// Writes the checkpoint and its towers as ONNX, where a former run has not.
fn export(python: &Oracle, folder: &Path) -> Result<()> {
    // Written last, so a folder that has it is whole.
    let done = folder.join("exported");
    if done.exists() {
        return Ok(());
    }
    eprintln!("writing a synthetic align-base and its towers as ONNX to {}", folder.display());
    fs::create_dir_all(folder)?;
    let program = std::env::current_exe()?;
    oracle::run(Command::new(program).arg("synth").arg(folder))?;
    oracle::run(python.script("peers_export.py").arg(folder))?;
    Ok(fs::write(done, "")?)
}

/// Builds our server and makes the command that starts it.
fn ours(folder: &Path, threads: u16, precision: Precision) -> Result<Command> {
    let build = ["build", "--release", "--package", "align-benches", "--bin", "forward_server"];
    oracle::run(Command::new(env!("CARGO")).args(build).current_dir(workspace::root()))?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or(workspace::root().join("target"), PathBuf::from);
    let mut command = Command::new(target.join("release/forward_server"));
    command.arg(folder).args([threads.to_string(), precision.to_string()]);
    Ok(command)
}

/// The command that starts the server of a peer, or of the truth.
fn server_of(
    python: &Oracle,
    name: &str,
    folder: &Path,
    threads: u16,
    precision: Precision,
) -> Command {
    let mut command = python.script("peers_server.py");
    command.env("OMP_NUM_THREADS", threads.to_string());
    command.arg(name).arg(folder).args([threads.to_string(), precision.to_string()]);
    command
}

/// Whether an engine computed what it should, as far as its precision can tell.
fn check(version: &str, distance: &Distance, precision: Precision) -> Result<()> {
    let (found, bound) = (distance.length, precision.bound());
    ensure!(
        found <= bound,
        "{version} is {found:.1e} from f64, more than {bound:.1e} of {precision}"
    );
    Ok(())
}

/// The least and the median of some times.
struct Summary {
    min: f64,
    median: f64,
}

impl Summary {
    fn of(times: &mut [f64]) -> Self {
        times.sort_by(f64::total_cmp);
        let middle = times.len() / 2;
        let below = times[(times.len() - 1) / 2];
        Self { min: times[0], median: (below + times[middle]) / 2.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries() {
        let odd = Summary::of(&mut [3.0, 1.0, 2.0]);
        assert_eq!((odd.min, odd.median), (1.0, 2.0));
        assert_eq!(Summary::of(&mut [4.0, 1.0, 2.0, 9.0]).median, 3.0);
    }
}
