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
        let expression = Expression::parse_mode(text, ParseMode::LAX)
            .with_context(|| format!("the licence of {name} is {text:?}"))?;
        if !expression.evaluate(|licence| allowed.contains(&licence.to_string())) {
            report.faults.push(format!("{name} is under {text} ({})", shipped.chain(&package.id)));
        }
    }
    Ok(report)
}

fn allowed() -> Result<Vec<String>> {
    let path = workspace::root().join("deny.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    let table: toml::Table = text.parse()?;
    let list = table.get("licenses").and_then(|licences| licences.get("allow"));
    let list = list.and_then(toml::Value::as_array).context("deny.toml allows no licences")?;
    Ok(list.iter().filter_map(toml::Value::as_str).map(String::from).collect())
}
