//! That nothing is compiled but Rust, and nothing linked but what Rust's own library links.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{Package, TargetKind};

use super::Report;
use super::shipped::Shipped;

/// `links` keys that stand for no library.
const LINKS_WITHOUT_LIBRARY: [(&str, &str); 1] =
    [("rayon-core", "keeps two versions from coexisting; links nothing")];

/// Packages named `-sys` that hold Rust alone.
const SYS_IN_RUST: [(&str, &str); 3] = [
    ("linux-raw-sys", "constants and types of the kernel's interface"),
    ("core-foundation-sys", "declarations of a framework of macOS itself"),
    ("js-sys", "declarations for web targets"),
];

/// Packages that compile other languages, or look for libraries to link.
const NATIVE_BUILDERS: [&str; 10] = [
    "autotools",
    "bindgen",
    "cc",
    "cmake",
    "cxx-build",
    "meson-next",
    "nasm-rs",
    "pkg-config",
    "system-deps",
    "vcpkg",
];

/// Packages with sources that are not Rust, compiled only under a feature; the feature must be off.
const SOURCES_UNDER_FEATURE: [(&str, &str); 1] = [("esaxx-rs", "cpp")];

/// Endings of source files that are not Rust.
const NATIVE_SOURCES: [&str; 7] = ["asm", "c", "cc", "cpp", "cxx", "s", "S"];

pub(super) fn check(shipped: &Shipped) -> Result<Report> {
    let mut report = Report::default();
    let (mut packages, mut scripts) = (0, 0);
    for package in shipped.foreign().chain(shipped.own()) {
        packages += 1;
        scripts += usize::from(build_script(package).is_some());
        for fault in faults(shipped, package)? {
            report.faults.push(format!("{fault} ({})", shipped.chain(&package.id)));
        }
    }
    report.notes.push(format!(
        "{packages} packages for this host with all features, {scripts} build scripts read"
    ));
    Ok(report)
}

fn faults(shipped: &Shipped, package: &Package) -> Result<Vec<String>> {
    let name = package.name.as_str();
    let mut faults = Vec::new();
    if let Some(links) = &package.links
        && !LINKS_WITHOUT_LIBRARY.iter().any(|(allowed, _)| allowed == links)
    {
        faults.push(format!("{name} links {links}"));
    }
    if NATIVE_BUILDERS.contains(&name) {
        faults.push(format!("{name} builds or finds native code"));
    }
    if name.ends_with("-sys") && !SYS_IN_RUST.iter().any(|(allowed, _)| *allowed == name) {
        faults.push(format!("{name} is named as a binding to a native library"));
    }
    if let Some(script) = build_script(package) {
        let text = fs::read_to_string(script).with_context(|| format!("cannot read {script:?}"))?;
        if text.contains("rustc-link-lib") {
            faults.push(format!("the build script of {name} names a library to link"));
        }
        let mut sources = Vec::new();
        collect_native_sources(&folder(package)?, &mut sources)?;
        let unused = SOURCES_UNDER_FEATURE
            .iter()
            .any(|(listed, feature)| *listed == name && !shipped.has_feature(&package.id, feature));
        if !sources.is_empty() && !unused {
            let first = sources[0].strip_prefix(folder(package)?).unwrap_or(&sources[0]).display();
            let count = sources.len();
            faults.push(format!(
                "{name} has a build script and {count} native sources, such as {first}"
            ));
        }
    }
    Ok(faults)
}

fn folder(package: &Package) -> Result<PathBuf> {
    let folder = package.manifest_path.parent().context("a manifest lies in no folder")?;
    Ok(folder.as_std_path().to_owned())
}

fn build_script(package: &Package) -> Option<&Path> {
    let targets = &package.targets;
    let script = targets.iter().find(|target| target.kind.contains(&TargetKind::CustomBuild))?;
    Some(script.src_path.as_std_path())
}

/// Adds the source files of other languages anywhere in a package but its tests.
fn collect_native_sources(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().and_then(OsStr::to_str);
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("target") {
            collect_native_sources(&path, found)?;
        } else if ending.is_some_and(|ending| NATIVE_SOURCES.contains(&ending)) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_sources_are_found_below_a_package_but_not_in_its_tests() {
        let folder = tempfile::tempdir().unwrap();
        for (below, name) in [("src/deep", "x.cpp"), ("tests", "y.c"), ("src", "lib.rs")] {
            fs::create_dir_all(folder.path().join(below)).unwrap();
            fs::write(folder.path().join(below).join(name), "").unwrap();
        }
        let mut found = Vec::new();
        collect_native_sources(folder.path(), &mut found).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("x.cpp"));
    }
}
