//! The licence check for machines without cargo-deny, against the same list.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use super::Report;
use super::shipped::Shipped;
use crate::workspace;

/// The `licenses` table of `deny.toml`.
#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

/// Licences that one crate may have besides.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

/// Every package's licence expression must be met by the licences that `deny.toml` allows it.
pub(super) fn check(shipped: &Shipped) -> Result<Report> {
    let licences = Licences::read()?;
    let mut report = Report::default();
    for package in shipped.foreign().chain(shipped.own()) {
        let name = package.name.as_str();
        let Some(text) = &package.license else {
            report.faults.push(format!("{name} states no licence"));
            continue;
        };
        let is_met = licences
            .meet(name, text)
            .with_context(|| format!("the licence of {name} is {text:?}"))?;
        if !is_met {
            report.faults.push(format!("{name} is under {text} ({})", shipped.chain(&package.id)));
        }
    }
    Ok(report)
}

impl Licences {
    fn read() -> Result<Self> {
        let path = workspace::root().join("deny.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
        let mut tables: HashMap<String, toml::Value> = toml::from_str(&text)?;
        let table = tables.remove("licenses").context("deny.toml allows no licences")?;
        Ok(table.try_into()?)
    }

    /// Whether a crate's SPDX expression can be met by licences that it may have.
    fn meet(&self, name: &str, expression: &str) -> Result<bool> {
        let own = self.exceptions.iter().filter(|exception| exception.name == name);
        let allowed: Vec<_> = own.flat_map(|own| &own.allow).chain(&self.allow).collect();
        let expression = Expression::parse_mode(expression, ParseMode::LAX)?;
        Ok(expression.evaluate(|licence| {
            let licence = licence.to_string();
            allowed.iter().any(|allowed| **allowed == licence)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_met_by_allowed_licences_alone() {
        let licences = Licences::read().unwrap();
        for met in
            ["MIT", "GPL-3.0-only OR MIT", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        {
            assert!(licences.meet("any", met).unwrap(), "{met}");
        }
        for unmet in ["GPL-3.0-only", "MIT AND GPL-2.0-only", "MPL-2.0"] {
            assert!(!licences.meet("any", unmet).unwrap(), "{unmet}");
        }
    }

    #[test]
    fn exceptions_are_for_their_crate_alone() {
        let licences = Licences::read().unwrap();
        let expression = "(MIT OR Apache-2.0) AND OFL-1.1 AND Unicode-3.0";
        assert!(licences.meet("align-demo-model", expression).unwrap());
        assert!(!licences.meet("align-model", expression).unwrap());
    }
}
