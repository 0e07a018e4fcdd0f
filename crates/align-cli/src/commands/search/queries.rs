//! Queries, given by flags or by lines of JSON.

use crate::cli::{Search, Weighted};
use crate::failure::Usage;
use crate::input;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Deserializer, de};
use std::fmt;
use std::path::PathBuf;

/// A query before its terms are embedded.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub(super) terms: Vec<Term>,
}

/// A weighted term of a query.
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

impl Request {
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

impl fmt::Display for Request {
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

/// The queries of the command line, or of the file that it names.
pub(super) fn requests(arguments: &Search) -> Result<Vec<Request>> {
    let Search { texts, images, minus, queries, .. } = arguments;
    let Some(file) = queries else {
        let request = Request::new(texts.clone(), images.clone(), minus.clone());
        return match request.terms.is_empty() {
            true => Err(Usage(NOTHING.to_owned()).into()),
            false => Ok(vec![request]),
        };
    };
    let name = input::name_of_file(file);
    let lines = input::numbered_lines_of_file(file)?;
    let parsed = lines
        .into_iter()
        .map(|(number, line)| parse(&line).with_context(|| format!("{name}: line {number}")));
    parsed.collect()
}

/// The query on a line of JSON.
fn parse(line: &str) -> Result<Request> {
    let Line { text, image, minus } = serde_json::from_str(line)?;
    let request = Request::new(text, image, minus);
    if request.terms.is_empty() {
        bail!("expected text, image or minus, found none");
    }
    Ok(request)
}

const NOTHING: &str =
    "nothing to search for: give --text TEXT, --image PATH, --minus TEXT, or --queries FILE";

/// A query as JSON. A value is a string, as on the command line, or a list of strings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default, deserialize_with = "one_or_many")]
    text: Vec<Weighted>,
    #[serde(default, deserialize_with = "one_or_many")]
    image: Vec<Weighted>,
    #[serde(default, deserialize_with = "one_or_many")]
    minus: Vec<Weighted>,
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Weighted>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string or a list of strings")]
    enum Strings {
        One(String),
        Many(Vec<String>),
    }
    let strings = match Strings::deserialize(deserializer)? {
        Strings::One(string) => vec![string],
        Strings::Many(strings) => strings,
    };
    strings.iter().map(|string| string.parse().map_err(de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_flags_say() {
        let request = parse(
            r#"{"text": ["2:at night", "on snow"], "image": "0.5:a.png", "minus": "people"}"#,
        );
        let request = request.unwrap();
        assert_eq!(request.to_string(), "2 x at night + on snow + 0.5 x [a.png] - people");
        assert_eq!(request.terms[3].weight, -1.0);
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
