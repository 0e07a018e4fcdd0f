//! `cargo xtask audit`: what the shipped crates promise, checked.

mod deny;
mod direction;
mod licences;
mod native;
mod shipped;
mod text;

use anyhow::{Result, bail};
use clap::Args;

use shipped::Shipped;

/// Checks the crates under `crates` and everything they depend on.
#[derive(Args)]
pub(crate) struct Audit {}

impl Audit {
    pub(crate) fn run(self) -> Result<()> {
        let shipped = Shipped::read()?;
        let mut faults = Vec::new();
        section("no C, C++ or assembly", native::check(&shipped)?, &mut faults);
        section("direction of dependencies", direction::check(&shipped), &mut faults);
        section("unsafe code in one crate alone, no machine paths", text::check()?, &mut faults);
        section("licences, sources, advisories", deny::check(&shipped)?, &mut faults);
        if !faults.is_empty() {
            bail!("{} faults", faults.len());
        }
        Ok(())
    }
}

/// What one check has to say.
#[derive(Default)]
struct Report {
    /// What was looked at, and what could not be.
    notes: Vec<String>,
    /// What is wrong.
    faults: Vec<String>,
}

fn section(title: &str, report: Report, faults: &mut Vec<String>) {
    println!("{}: {title}", if report.faults.is_empty() { "ok" } else { "FAULTY" });
    for line in &report.notes {
        println!("    {line}");
    }
    for line in &report.faults {
        println!("    fault: {line}");
    }
    faults.extend(report.faults);
}
