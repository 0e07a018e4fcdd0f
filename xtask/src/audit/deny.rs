//! cargo-deny where it is installed, and what stands in for it where it is not.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context, Result};

use super::shipped::Shipped;
use super::{Report, licences};
use crate::workspace;

pub(super) fn check(shipped: &Shipped) -> Result<Report> {
    let Some(program) = find() else {
        let mut report = licences::check(shipped)?;
        report.notes.push(
            "cargo-deny is not installed: licences by the built-in check; sources and advisories \
             NOT checked (cargo install cargo-deny --locked --root target/tools)"
                .to_owned(),
        );
        return Ok(report);
    };
    let mut report = Report::default();
    report.notes.push("by cargo-deny".to_owned());
    for checks in [&["licenses", "sources"][..], &["bans"]] {
        let output = deny(&program, checks)?;
        let verdict = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            report.notes.push(format!("{}: ok", checks.join(", ")));
        } else {
            report.faults.push(format!("{}: {}", checks.join(", "), errors(&verdict)));
        }
    }
    let output = deny(&program, &["advisories"])?;
    let verdict = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        report.notes.push("advisories: ok".to_owned());
    } else if verdict.contains("failed to fetch advisory database")
        || verdict.contains("failed to load advisory database")
    {
        report.notes.push("advisories: NOT CHECKED, the database cannot be reached".to_owned());
    } else {
        report.faults.push(format!("advisories: {}", errors(&verdict)));
    }
    Ok(report)
}

/// The installed program: where this workspace keeps tools, or on the path.
fn find() -> Option<PathBuf> {
    [workspace::root().join("target/tools/bin/cargo-deny"), PathBuf::from("cargo-deny")]
        .into_iter()
        .find(|program| {
            let version = Command::new(program).arg("--version").output();
            version.is_ok_and(|output| output.status.success())
        })
}

fn deny(program: &PathBuf, checks: &[&str]) -> Result<Output> {
    Command::new(program)
        .current_dir(workspace::root())
        .args(["--all-features", "--locked", "check"])
        .args(checks)
        .output()
        .with_context(|| format!("cannot run {}", program.display()))
}

/// The lines of a verdict that say what is wrong.
fn errors(verdict: &str) -> String {
    let lines: Vec<&str> = verdict.lines().filter(|line| line.starts_with("error")).collect();
    if lines.is_empty() { verdict.trim().to_owned() } else { lines.join("; ") }
}
