//! That crates depend on each other in one direction.

use cargo_metadata::DependencyKind;

use super::Report;
use super::shipped::Shipped;

/// What each shipped crate may use of the others. A crate that is not listed is a fault.
const MAY_USE: [(&str, &[&str]); 8] = [
    ("align-tensor", &[]),
    ("align-processor", &[]),
    ("align-efficientnet", &["align-tensor"]),
    ("align-bert", &["align-tensor"]),
    ("align-model", &["align-tensor", "align-efficientnet", "align-bert", "align-processor"]),
    ("align-search", &["align-tensor", "align-processor", "align-model"]),
    ("align-eval", &["align-tensor", "align-processor", "align-model"]),
    (
        "align-cli",
        &["align-tensor", "align-processor", "align-model", "align-search", "align-eval"],
    ),
];

pub(super) fn check(shipped: &Shipped) -> Report {
    let mut report = Report::default();
    for package in shipped.own() {
        let name = package.name.as_str();
        let Some((_, allowed)) = MAY_USE.iter().find(|(listed, _)| *listed == name) else {
            report.faults.push(format!("{name} has no place in the order of crates"));
            continue;
        };
        let used = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.path.is_some())
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .map(|dependency| dependency.name.as_str());
        for other in used.filter(|other| !allowed.contains(other)) {
            report.faults.push(format!("{name} may not use {other}"));
        }
        report.notes.push(format!("{name} uses at most {allowed:?}"));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::MAY_USE;

    #[test]
    fn every_crate_uses_crates_listed_before_it() {
        for (index, (name, used)) in MAY_USE.iter().enumerate() {
            for other in *used {
                let above = MAY_USE[..index].iter().any(|(listed, _)| listed == other);
                assert!(above, "{name} may use {other}, which does not come before it");
            }
        }
    }
}
