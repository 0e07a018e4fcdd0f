//! The chores of align-rs: `cargo xtask --help`.

#![forbid(unsafe_code)]

mod audit;
mod bits;
mod demo;
mod golden;
mod oracle;
mod peers;
mod synth;
mod workspace;

use clap::{Parser, Subcommand};

/// The chores of align-rs.
#[derive(Parser)]
#[command(name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Remake every golden output from the oracle
    Golden(golden::Golden),
    /// Write a checkpoint made from a seed
    Synth(synth::Synth),
    /// Train the demo model, or measure it
    Demo(demo::Demo),
    /// Compare the speed with other engines'
    Peers(peers::Peers),
    /// Compare what two builds of the program compute, byte for byte
    Bits(bits::Bits),
    /// Prove what the shipped crates promise: no C, known licences, no unsafe code but one crate's, one direction
    Audit(audit::Audit),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().chore {
        Chore::Golden(golden) => golden.run(),
        Chore::Synth(synth) => synth.run(),
        Chore::Demo(demo) => demo.run(),
        Chore::Peers(peers) => peers.run(),
        Chore::Bits(bits) => bits.run(),
        Chore::Audit(audit) => audit.run(),
    }
}
