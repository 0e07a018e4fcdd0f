//! The shipped crates and all that is compiled for them on this host.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::workspace;

/// The dependency graph below `crates`, by normal and build dependencies, with all features.
pub(super) struct Shipped {
    metadata: Metadata,
    reached: BTreeSet<PackageId>,
    own: BTreeSet<PackageId>,
}

impl Shipped {
    pub(super) fn read() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(workspace::root().join("Cargo.toml"))
            .features(CargoOpt::AllFeatures)
            .other_options(["--locked".to_owned(), "--filter-platform".to_owned(), host()?])
            .exec()?;
        let crates = metadata.workspace_root.join("crates");
        let own: BTreeSet<_> = metadata
            .workspace_packages()
            .iter()
            .filter(|package| package.manifest_path.starts_with(&crates) && is_published(package))
            .map(|package| package.id.clone())
            .collect();
        let reached = reach(&metadata, &own)?;
        Ok(Self { metadata, reached, own })
    }

    /// The crates of this workspace that are shipped.
    pub(super) fn own(&self) -> impl Iterator<Item = &Package> {
        self.metadata.packages.iter().filter(|package| self.own.contains(&package.id))
    }

    /// Every package that is compiled for them from elsewhere.
    pub(super) fn foreign(&self) -> impl Iterator<Item = &Package> {
        self.metadata
            .packages
            .iter()
            .filter(|package| self.reached.contains(&package.id) && !self.own.contains(&package.id))
    }

    /// Whether a feature of a package is on.
    pub(super) fn has_feature(&self, id: &PackageId, feature: &str) -> bool {
        let node = self.metadata.resolve.as_ref().map(|resolve| &resolve[id]);
        node.is_some_and(|node| node.features.iter().any(|on| on.as_str() == feature))
    }

    /// Who asks for a package: a chain of names from a shipped crate down to it.
    pub(super) fn chain(&self, id: &PackageId) -> String {
        let mut names = vec![self.metadata[id].name.to_string()];
        let mut seen = BTreeSet::from([id.clone()]);
        let mut current = id.clone();
        while !self.own.contains(&current) {
            let Some(parent) = self.parent(&current, &seen) else { break };
            names.push(self.metadata[&parent].name.to_string());
            seen.insert(parent.clone());
            current = parent;
        }
        names.reverse();
        names.join(" > ")
    }

    fn parent(&self, id: &PackageId, seen: &BTreeSet<PackageId>) -> Option<PackageId> {
        let nodes = &self.metadata.resolve.as_ref()?.nodes;
        nodes
            .iter()
            .filter(|node| self.reached.contains(&node.id) && !seen.contains(&node.id))
            .find(|node| compiled(node).any(|dependency| dependency == id))
            .map(|node| node.id.clone())
    }
}

/// Whether a package may be published: its `publish` list is not empty.
fn is_published(package: &Package) -> bool {
    package.publish.as_ref().is_none_or(|registries| !registries.is_empty())
}

/// The closure of `start` over normal and build dependencies.
fn reach(metadata: &Metadata, start: &BTreeSet<PackageId>) -> Result<BTreeSet<PackageId>> {
    let resolve = metadata.resolve.as_ref().context("cargo gave no dependency graph")?;
    let mut reached = start.clone();
    let mut open: Vec<_> = start.iter().cloned().collect();
    while let Some(id) = open.pop() {
        for dependency in compiled(&resolve[&id]) {
            if reached.insert(dependency.clone()) {
                open.push(dependency.clone());
            }
        }
    }
    Ok(reached)
}

/// The dependencies that are compiled for a package, those of its tests left out.
fn compiled(node: &cargo_metadata::Node) -> impl Iterator<Item = &PackageId> {
    node.deps
        .iter()
        .filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
        })
        .map(|dependency| &dependency.pkg)
}

/// The triple of this machine, as rustc names it.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc names no host")?.to_owned())
}
