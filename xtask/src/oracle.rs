//! The oracle: a Python environment with pinned packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::workspace;

/// A Python environment that holds what the lists of requirements name.
pub(crate) struct Oracle {
    python: PathBuf,
}

impl Oracle {
    /// The oracle's packages in the environment at `folder`.
    pub(crate) fn at(folder: &Path) -> Result<Self> {
        Self::with(folder, &["requirements.txt"])
    }

    /// The engines that `cargo xtask peers` compares with, beside the oracle's packages.
    pub(crate) fn with_peers(folder: &Path) -> Result<Self> {
        Self::with(folder, &["requirements.txt", "peers_requirements.txt"])
    }

    /// scikit-learn, beside the oracle's packages.
    pub(crate) fn with_scikit_learn(folder: &Path) -> Result<Self> {
        Self::with(folder, &["requirements.txt", "eval_requirements.txt"])
    }

    /// Reuses the environment at `folder` if its versions are the pinned ones; makes or mends it otherwise.
    fn with(folder: &Path, lists: &[&str]) -> Result<Self> {
        let oracle = Self { python: folder.join("bin/python") };
        if !oracle.python.exists() {
            eprintln!("making the oracle's environment in {}", folder.display());
            run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        }
        if !oracle.is_pinned(lists)? {
            eprintln!("installing the oracle's packages (torch is large)");
            let mut pip = oracle.python();
            pip.args(["-m", "pip", "install"]);
            for list in lists {
                pip.arg("-r").arg(workspace::scripts().join(list));
            }
            run(&mut pip)?;
            ensure!(
                oracle.is_pinned(lists)?,
                "{} is not as pinned after installing",
                folder.display()
            );
        }
        Ok(oracle)
    }

    /// The default place, git-ignored.
    pub(crate) fn default_folder() -> PathBuf {
        workspace::root().join("target/oracle")
    }

    /// One of the scripts in `xtask/python`, on one thread so that sums come in one order.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = self.python();
        command.env("OMP_NUM_THREADS", "1").arg(workspace::scripts().join(name));
        command
    }

    fn python(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Whether every package of the lists is installed in that very version.
    fn is_pinned(&self, lists: &[&str]) -> Result<bool> {
        let check = "import sys\n\
            from importlib.metadata import PackageNotFoundError, version\n\
            lines = [line.strip() for name in sys.argv[1:] for line in open(name) if '==' in line]\n\
            try:\n\
            \x20   sys.exit(any(version(name) != pin for name, pin in (line.split('==') for line in lines)))\n\
            except PackageNotFoundError:\n\
            \x20   sys.exit(1)\n";
        let lists = lists.iter().map(|list| workspace::scripts().join(list));
        let status = self.python().args(["-c", check]).args(lists).status();
        Ok(status.context("cannot run the oracle's python")?.success())
    }
}

/// Runs a command to its end; an error names it if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(())
}
