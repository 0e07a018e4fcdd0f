//! What is asked for: by flags, or by lines of JSON.

use crate::cli::{Search, Weighted};
use crate::failure::Usage;
use crate::input;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Deserializer, de};
use std::fmt;
use std::path::PathBuf;

/// A query: terms that add up.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) terms: Vec<Term>,
}

/// A part of a query.
#[derive(Debug, PartialEq)]
pub(super) struct Term {
    pub(super) weight: f64,
    pub(super) subject: Subject,
}

#[derive(Debug, PartialEq)]
pub(super) enum Subject {
    Text(String),
    Image(PathBuf),
}

impl Asked {
    fn new(texts: Vec<Weighted>, images: Vec<Weighted>, minus: Vec<Weighted>) -> Self {
        let text = |sign: f64| {
            move |Weighted { weight, value }| Term {
                weight: sign * weight,
                subject: Subject::Text(value),
            }
        };
        let image =
            |Weighted { weight, value }| Term { weight, subject: Subject::Image(value.into()) };
        let terms = texts.into_iter().map(text(1.0)).chain(images.into_iter().map(image));
        Self { terms: terms.chain(minus.into_iter().map(text(-1.0))).collect() }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Term { weight, subject }) in self.terms.iter().enumerate() {
            let sign = match (i, *weight < 0.0) {
                (0, false) => "",
                (0, true) => "- ",
                (_, false) => " + ",
                (_, true) => " - ",
            };
            f.write_str(sign)?;
            if weight.abs() != 1.0 {
                write!(f, "{} x ", weight.abs())?;
            }
            match subject {
                Subject::Text(text) => f.write_str(text)?,
                Subject::Image(path) => write!(f, "[{}]", path.display())?,
            }
        }
        Ok(())
    }
}

/// The queries of the command line, or those of the file that it names.
pub(super) fn asked(arguments: &Search) -> Result<Vec<Asked>> {
    let Search { texts, images, minus, queries, .. } = arguments;
    let Some(file) = queries else {
        let asked = Asked::new(texts.clone(), images.clone(), minus.clone());
        return match asked.terms.is_empty() {
            true => Err(Usage(NOTHING.to_owned()).into()),
            false => Ok(vec![asked]),
        };
    };
    let name = input::name_of_file(file);
    let lines = input::numbered_lines_of_file(file)?;
    let parsed = lines
        .into_iter()
        .map(|(number, line)| parse(&line).with_context(|| format!("{name}: line {number}")));
    parsed.collect()
}

/// The query of one line of JSON.
fn parse(line: &str) -> Result<Asked> {
    let Line { text, image, minus } = serde_json::from_str(line)?;
    let asked = Asked::new(text, image, minus);
    if asked.terms.is_empty() {
        bail!("expected text, image or minus, found none");
    }
    Ok(asked)
}

const NOTHING: &str =
    "nothing to search for: give --text TEXT, --image PATH, --minus TEXT, or --queries FILE";

/// A query as JSON; each value is a string, as on the command line, or a list of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default, deserialize_with = "some")]
    text: Vec<Weighted>,
    #[serde(default, deserialize_with = "some")]
    image: Vec<Weighted>,
    #[serde(default, deserialize_with = "some")]
    minus: Vec<Weighted>,
}

fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Weighted>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string or a list of strings")]
    enum Some {
        One(String),
        Many(Vec<String>),
    }
    let strings = match Some::deserialize(deserializer)? {
        Some::One(string) => vec![string],
        Some::Many(strings) => strings,
    };
    strings.iter().map(|string| string.parse().map_err(de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_flags_say() {
        let asked = parse(
            r#"{"text": ["2:at night", "on snow"], "image": "0.5:a.png", "minus": "people"}"#,
        );
        let asked = asked.unwrap();
        assert_eq!(asked.to_string(), "2 x at night + on snow + 0.5 x [a.png] - people");
        assert_eq!(asked.terms[3].weight, -1.0);
        assert_eq!(parse(r#"{"minus": "3:a"}"#).unwrap().to_string(), "- 3 x a");
    }

    #[test]
    fn other_lines_are_refused() {
        for (line, message) in [
            (r#"{"texts": "a"}"#, "unknown field `texts`"),
            (r#"{"text": 3}"#, "expected a string or a list of strings"),
            (r#"{"text": "0:a"}"#, "expected a weight other than 0"),
            ("[]", "expected text, image or minus, found none"),
            ("{}", "expected text, image or minus, found none"),
            ("a", "expected value"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(message), "{line}: {error}");
        }
    }
}
