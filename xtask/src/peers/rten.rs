//! The server of rten: a package of its own, written here, so that the workspace and its lock file know nothing of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::MetadataCommand;
use walkdir::WalkDir;

use crate::{oracle, workspace};

const VERSION: &str = "0.27.0";

/// Where rten asks for AVX-512, in its crate `rten-simd`, and how.
const DETECTION: (&str, &str) = ("src/isa_detection.rs", r#"is_x86_feature_detected!("avx512f")"#);

/// Builds the server and makes the command that starts it; with `avx2`, rten finds no AVX-512.
pub(super) fn server(folder: &Path, threads: u16, avx2: bool) -> Result<Command> {
    let name = if avx2 { "rten-avx2" } else { "rten" };
    let package = workspace::root().join("target/peers").join(name);
    fs::create_dir_all(&package)?;
    let manifest = package.join("Cargo.toml");
    let mut text = manifest_text(workspace::root());
    if avx2 {
        let copy = package.join(format!("rten-simd-{VERSION}"));
        if !copy.exists() {
            fs::write(&manifest, &text)?;
            copy_without_avx512(&source_of_simd(&manifest)?, &copy)?;
        }
        text += &format!("\n[patch.crates-io]\nrten-simd = {{ path = {copy:?} }}\n");
    }
    fs::write(&manifest, text)?;
    let target = package.join("target");
    let version = format!("rten {VERSION}{} f32", if avx2 { " avx2" } else { "" });
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--manifest-path"]).arg(&manifest);
    oracle::run(build.env("CARGO_TARGET_DIR", &target).env("RTEN_VERSION", version))?;
    let mut command = Command::new(target.join("release/rten_server"));
    command.arg(folder).arg(threads.to_string());
    Ok(command)
}

fn manifest_text(root: &Path) -> String {
    format!(
        r#"[workspace]

[package]
name = "rten_server"
version = "0.0.0"
edition = "2024"

[[bin]]
name = "rten_server"
path = {program:?}

[dependencies]
align-benches = {{ path = {benches:?} }}
align-model = {{ path = {model:?} }}
anyhow = "1"
ndarray = "0.17"
rten = "={VERSION}"
rten-tensor = "={VERSION}"

[profile.release]
codegen-units = 4
lto = "thin"
"#,
        program = root.join("xtask/rten_server.rs"),
        benches = root.join("benches"),
        model = root.join("crates/align-model"),
    )
}

/// The folder where cargo has unpacked `rten-simd`.
fn source_of_simd(manifest: &Path) -> Result<PathBuf> {
    let metadata = MetadataCommand::new().manifest_path(manifest).exec()?;
    let mut packages = metadata.packages.iter();
    let package = packages.find(|package| package.name.as_str() == "rten-simd");
    let folder = package.and_then(|package| package.manifest_path.parent());
    Ok(folder.context("rten has no rten-simd")?.into())
}

/// Copies the crate at `source`, whole or not at all; the copy's detection of AVX-512 answers no.
fn copy_without_avx512(source: &Path, copy: &Path) -> Result<()> {
    let temporary = copy.with_added_extension("tmp");
    for entry in WalkDir::new(source) {
        let entry = entry?;
        let to = temporary.join(entry.path().strip_prefix(source)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    let (path, asked) = (temporary.join(DETECTION.0), DETECTION.1);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    ensure!(text.contains(asked), "{}: {asked} is not asked any more", path.display());
    fs::write(&path, text.replace(asked, "false"))?;
    Ok(fs::rename(temporary, copy)?)
}
