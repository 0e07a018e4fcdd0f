//! The direction of dependencies between the crates of the workspace.

use cargo_metadata::DependencyKind;

use super::Report;
use super::shipped::Shipped;

/// Every shipped crate, with the crates of this workspace that it may use. A crate that is not listed is a fault.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("align-synthetic", &[]),
    ("align-tensor", &[]),
    ("align-processor", &[]),
    ("align-efficientnet", &["align-tensor"]),
    ("align-bert", &["align-tensor"]),
    (
        "align-model",
        &["align-synthetic", "align-tensor", "align-efficientnet", "align-bert", "align-processor"],
    ),
    ("align-search", &["align-tensor", "align-processor", "align-model"]),
    ("align-eval", &["align-tensor", "align-processor", "align-model"]),
    ("align-demo-model", &[]),
    (
        "align-cli",
        &[
            "align-tensor",
            "align-processor",
            "align-model",
            "align-search",
            "align-eval",
            "align-demo-model",
        ],
    ),
];

/// Crates that only tests may use.
const FOR_TESTS: [&str; 1] = ["align-testing"];

pub(super) fn check(shipped: &Shipped) -> Report {
    let mut report = Report::default();
    for package in shipped.own() {
        let name = package.name.as_str();
        let used = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.path.is_some())
            .map(|dependency| (dependency.name.as_str(), dependency.kind));
        report.faults.extend(faults(name, used));
        report.notes.push(format!("{name} uses at most {:?}", allowed(name).unwrap_or_default()));
    }
    report
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    MAY_USE.iter().find(|(listed, _)| *listed == name).map(|(_, allowed)| *allowed)
}

/// The faults of a crate that uses others in these ways.
fn faults<'a>(name: &str, used: impl Iterator<Item = (&'a str, DependencyKind)>) -> Vec<String> {
    let Some(allowed) = allowed(name) else {
        return vec![format!("{name} has no place in the order of crates")];
    };
    used.filter(|(_, kind)| *kind != DependencyKind::Development)
        .filter(|(other, _)| !allowed.contains(other))
        .map(|(other, _)| {
            if FOR_TESTS.contains(&other) {
                format!("{name} uses {other} outside its tests")
            } else {
                format!("{name} may not use {other}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_uses_crates_listed_before_it() {
        for (index, (name, used)) in MAY_USE.iter().enumerate() {
            for other in *used {
                let above = MAY_USE[..index].iter().any(|(listed, _)| listed == other);
                assert!(above, "{name} may use {other}, which does not come before it");
            }
        }
    }

    #[test]
    fn planted_violations_are_found() {
        let normal = DependencyKind::Normal;
        let found = |name, other, kind| faults(name, [(other, kind)].into_iter());
        assert!(found("align-model", "align-tensor", normal).is_empty());
        assert!(found("align-model", "align-testing", DependencyKind::Development).is_empty());
        for (name, other, fault) in [
            ("align-model", "align-search", "align-model may not use align-search"),
            ("align-model", "align-testing", "align-model uses align-testing outside its tests"),
            ("align-new", "align-tensor", "align-new has no place in the order of crates"),
        ] {
            assert_eq!(found(name, other, normal), [fault]);
        }
    }
}
