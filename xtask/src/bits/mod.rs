//! `cargo xtask bits`: proof that two builds of the program compute the same, bit for bit.
//!
//! Both programs run the same commands on the same models, for each precision, instruction set and number of threads.
//! Standard output, written files and exit codes must be equal. Messages on standard error are not compared.

mod cases;
mod compare;
mod fixture;
mod models;
mod program;

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::Args;

use cases::commands;
use compare::Tally;
use models::Model;
use program::Program;

/// The numbers of threads that are compared. One thread takes other paths than a team does.
const THREADS: [usize; 2] = [1, 2];

/// Compares the embeddings and classifications of two `align` programs byte for byte.
#[derive(Args)]
pub(crate) struct Bits {
    /// The program to compare with
    #[arg(value_name = "OLD_BINARY")]
    old: PathBuf,
    /// The program to check
    #[arg(value_name = "NEW_BINARY")]
    new: PathBuf,
    /// Compare on this model alone, such as demo, align-base, tiny-synth or tiny/base; repeat for several
    #[arg(long = "model", value_name = "NAME")]
    models: Vec<String>,
    /// Compare in this precision alone; repeat for several [default: all that OLD_BINARY knows]
    #[arg(long = "precision", value_name = "NAME")]
    precisions: Vec<String>,
    /// Compare on this instruction set alone; repeat for several [default: all of this machine]
    #[arg(long = "isa", value_name = "NAME")]
    isas: Vec<String>,
}

impl Bits {
    pub(crate) fn run(self) -> Result<()> {
        let [old, new] = [Program::at(&self.old)?, Program::at(&self.new)?];
        ensure!(
            old.isas() == new.isas(),
            "the programs find different instruction sets: {:?} and {:?}",
            old.isas(),
            new.isas()
        );
        let isas = chosen("instruction set", &self.isas, old.isas())?;
        let precisions = chosen("precision", &self.precisions, old.precisions())?;
        let names: Vec<String> = models::names()?;
        let mut total = Tally::default();
        let mut differing = 0;
        for name in chosen("model", &self.models, &names)? {
            let model = Model::prepare(name)?;
            for precision in &precisions {
                for isa in &isas {
                    let tally = compare(&old, &new, &model, precision, isa)?;
                    println!("{name} {precision} {isa}: {tally}");
                    differing += usize::from(!tally.is_equal());
                    total.add(tally);
                }
            }
        }
        if differing > 0 {
            bail!("{differing} lines show a difference; {} outputs are equal", total.equal());
        }
        println!("all lines equal: {total}");
        Ok(())
    }
}

/// Runs every command of a model in one precision, on one instruction set.
fn compare(
    old: &Program,
    new: &Program,
    model: &Model,
    precision: &str,
    isa: &str,
) -> Result<Tally> {
    let mut tally = Tally::default();
    for threads in THREADS {
        for command in commands(model) {
            let run = |program: &Program| program.start(&command, model, precision, isa, threads);
            // The two programs run side by side, which halves the time.
            let (old, new) = (run(old)?, run(new)?);
            let title = format!("{}, --threads {threads}", command.name);
            tally.count(&title, &old.finish()?, &new.finish()?);
        }
    }
    Ok(tally)
}

/// The entries of `all` that are `wanted`, or all of them if nothing is wanted.
fn chosen<'a>(kind: &str, wanted: &[String], all: &'a [String]) -> Result<Vec<&'a String>> {
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(name)) {
        bail!("no {kind} {unknown:?}; there are {}", all.join(", "));
    }
    Ok(all.iter().filter(|name| wanted.is_empty() || wanted.contains(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn choices_are_checked() {
        let all = ["a", "b"].map(String::from);
        assert_eq!(chosen("letter", &[], &all).unwrap(), ["a", "b"]);
        assert_eq!(chosen("letter", &["b".into()], &all).unwrap(), ["b"]);
        assert!(chosen("letter", &["c".into()], &all).is_err());
    }
}
