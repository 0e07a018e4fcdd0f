//! What the text of the shipped crates must and must not say.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use std::process::Command;

use super::Report;
use crate::workspace;

/// The one crate with unsafe code.
const UNSAFE_CRATE: &str = "align-tensor";

/// Beginnings of paths that exist on somebody's machine alone.
const MACHINE_PATHS: [&str; 4] = ["/root/", "/home/", "/Users/", "C:\\Users\\"];

/// Files whose text is not shipped: they name such paths to find them.
const NOT_SHIPPED: [&str; 1] = ["xtask/src/audit/"];

pub(super) fn check() -> Result<Report> {
    let mut report = Report::default();
    for folder in fs::read_dir(workspace::root().join("crates"))? {
        let folder = folder?.path();
        if !folder.ends_with(UNSAFE_CRATE) {
            report.faults.extend(unforbidden(&folder)?);
        }
    }
    let files = tracked()?;
    report.notes.push(format!("{} tracked files searched for machine paths", files.len()));
    for file in files {
        // Binary files are no text.
        let Ok(text) = fs::read_to_string(workspace::root().join(&file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            if MACHINE_PATHS.iter().any(|path| line.contains(path)) {
                report.faults.push(format!("{}:{}: machine path", file.display(), number + 1));
            }
        }
    }
    Ok(report)
}

/// The roots of a crate (library, program) that do not forbid unsafe code.
fn unforbidden(folder: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for root in ["src/lib.rs", "src/main.rs"].map(|root| folder.join(root)) {
        if root.exists() && !fs::read_to_string(&root)?.contains("#![forbid(unsafe_code)]") {
            let shown = root.strip_prefix(workspace::root()).unwrap_or(&root).display();
            faults.push(format!("{shown} does not forbid unsafe code"));
        }
    }
    Ok(faults)
}

/// The files under version control.
fn tracked() -> Result<Vec<PathBuf>> {
    let output = Command::new("git").arg("-C").arg(workspace::root()).arg("ls-files").output();
    let output = output.context("cannot run git")?;
    ensure!(output.status.success(), "git ls-files: {}", output.status);
    let names = String::from_utf8(output.stdout)?;
    let shipped = |name: &&str| !NOT_SHIPPED.iter().any(|folder| name.starts_with(folder));
    Ok(names.lines().filter(shipped).map(PathBuf::from).collect())
}
