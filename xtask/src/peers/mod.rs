//! `cargo xtask peers`: how long align-rs takes beside other engines.
//!
//! Every engine computes the same towers with the same weights on the same inputs, in a process of
//! its own that waits for requests. Requests go round: a few forwards of ours, a few of each peer,
//! and again, so that what disturbs the machine disturbs all alike.

mod server;
mod works;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

use crate::oracle::{self, Oracle};
use crate::workspace;
use server::Server;
use works::Work;

/// The farthest that a peer's output may be from ours, as a share of its largest value. Goldens ask of the oracle's f32
/// an error below 1e-5; the difference of two such errors, with room for other orders of summing.
const AGREEMENT: f64 = 1e-4;
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
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Onnxruntime => "onnxruntime",
            Self::Openvino => "openvino",
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
            self.peers = Peer::value_variants().to_vec();
        }
        let mut servers = vec![Server::start(&mut ours(&folder, self.threads)?)?];
        for peer in &self.peers {
            servers.push(Server::start(&mut theirs(&python, *peer, &folder, self.threads))?);
        }
        let versions: Vec<_> = servers.iter().map(Server::version).collect();
        println!("{}; f32, {} threads", versions.join(", "), self.threads);
        println!(
            "{:26}{:32}{:>10}{:>11}{:>11}{:>14}",
            "", "", "min ms", "median ms", "ours/peer", "of medians"
        );
        for work in if self.quick { Work::quick() } else { Work::all() } {
            self.compare(&mut servers, &work)?;
        }
        Ok(())
    }

    /// Runs one piece of work on every engine and prints a row for each.
    fn compare(&self, servers: &mut [Server], work: &Work) -> Result<()> {
        let mut times = vec![Vec::new(); servers.len()];
        let mut features = vec![Vec::new(); servers.len()];
        for _ in 0..usize::from(self.runs).div_ceil(RUNS_PER_ROUND) {
            for ((server, times), features) in servers.iter_mut().zip(&mut times).zip(&mut features)
            {
                thread::sleep(PAUSE);
                let answer = server.run(work, RUNS_PER_ROUND)?;
                times.extend(answer.ms);
                *features = answer.features;
            }
        }
        let ours = Summary::of(&mut times[0]);
        println!(
            "{:26}{:32}{:10.2}{:11.2}",
            work.name,
            servers[0].version(),
            ours.min,
            ours.median
        );
        for (index, server) in servers.iter().enumerate().skip(1) {
            agree(server.version(), &features[index], &features[0])?;
            let peer = Summary::of(&mut times[index]);
            let ratios = (ours.min / peer.min, ours.median / peer.median);
            println!(
                "{:26}{:32}{:10.2}{:11.2}{:11.2}{:14.2}",
                "",
                server.version(),
                peer.min,
                peer.median,
                ratios.0,
                ratios.1
            );
        }
        Ok(())
    }
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
fn ours(folder: &Path, threads: u16) -> Result<Command> {
    let build = ["build", "--release", "--package", "align-benches", "--bin", "forward_server"];
    oracle::run(Command::new(env!("CARGO")).args(build).current_dir(workspace::root()))?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or(workspace::root().join("target"), PathBuf::from);
    let mut command = Command::new(target.join("release/forward_server"));
    command.arg(folder).arg(threads.to_string());
    Ok(command)
}

/// The command that starts a peer's server.
fn theirs(python: &Oracle, peer: Peer, folder: &Path, threads: u16) -> Command {
    let mut command = python.script("peers_server.py");
    command.env("OMP_NUM_THREADS", threads.to_string());
    command.arg(peer.name()).arg(folder).arg(threads.to_string());
    command
}

/// Whether two engines computed the same.
fn agree(peer: &str, theirs: &[f64], ours: &[f64]) -> Result<()> {
    ensure!(
        theirs.len() == ours.len(),
        "{peer} gave {} values, ours are {}",
        theirs.len(),
        ours.len()
    );
    let scale = theirs.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let differences = theirs.iter().zip(ours).map(|(theirs, ours)| (theirs - ours).abs());
    let difference = differences.fold(0.0, f64::max) / scale;
    // What is not a number must not pass, and `max` ignores it.
    ensure!(
        theirs.iter().chain(ours).all(|x| x.is_finite()),
        "{peer} or ours gave what is not finite"
    );
    ensure!(
        difference <= AGREEMENT,
        "{peer} differs from ours by {difference:.1e} of its largest value"
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

    #[test]
    fn outputs_that_differ_are_refused() {
        assert!(agree("peer", &[10.0, -1.0], &[10.0, -1.0009]).is_ok());
        assert!(agree("peer", &[10.0, -1.0], &[10.0, -1.0011]).is_err());
        assert!(agree("peer", &[10.0, -1.0], &[10.0]).is_err());
        assert!(agree("peer", &[10.0, -1.0], &[10.0, f64::NAN]).is_err());
        assert!(agree("peer", &[1.0, f64::NAN], &[1.0, 1.0]).is_err());
    }
}
