//! The licence check for machines without cargo-deny, against the same list.

use std::fs;

use anyhow::{Context, Result};
use spdx::{Expression, ParseMode};

use super::Report;
use super::shipped::Shipped;
use crate::workspace;

/// Every package's licence expression must be met by the licences that `deny.toml` allows.
pub(super) fn check(shipped: &Shipped) -> Result<Report> {
    let allowed = allowed()?;
    let mut report = Report::default();
    for package in shipped.foreign() {
        let name = &package.name;
        let Some(text) = &package.license else {
            report.faults.push(format!("{name} states no licence"));
            continue;
        };
        if !is_met(text, &allowed).with_context(|| format!("the licence of {name} is {text:?}"))? {
            report.faults.push(format!("{name} is under {text} ({})", shipped.chain(&package.id)));
        }
    }
    Ok(report)
}

/// Whether an SPDX expression can be met by allowed licences alone.
fn is_met(expression: &str, allowed: &[String]) -> Result<bool> {
    let expression = Expression::parse_mode(expression, ParseMode::LAX)?;
    Ok(expression.evaluate(|licence| allowed.contains(&licence.to_string())))
}

fn allowed() -> Result<Vec<String>> {
    let path = workspace::root().join("deny.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    let table: toml::Table = text.parse()?;
    let list = table.get("licenses").and_then(|licences| licences.get("allow"));
    let list = list.and_then(toml::Value::as_array).context("deny.toml allows no licences")?;
    Ok(list.iter().filter_map(toml::Value::as_str).map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_met_by_allowed_licences_alone() {
        let allowed = allowed().unwrap();
        for met in
            ["MIT", "GPL-3.0-only OR MIT", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        {
            assert!(is_met(met, &allowed).unwrap(), "{met}");
        }
        for unmet in ["GPL-3.0-only", "MIT AND GPL-2.0-only", "MPL-2.0"] {
            assert!(!is_met(unmet, &allowed).unwrap(), "{unmet}");
        }
    }
}
