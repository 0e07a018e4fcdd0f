//! What the oracle computes in f64, kept from run to run, and how far engines are from it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::server::{Server, numbers};
use super::works::Work;

/// The oracle's answers, in a file beside the checkpoint that they are of.
pub(super) struct Truth {
    path: PathBuf,
    answers: Value,
}

impl Truth {
    /// Reads the file at `path` and has the oracle, which `command` starts, compute what is not in it.
    pub(super) fn of(works: &[Work], path: PathBuf, command: &mut Command) -> Result<Self> {
        let answers = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{}: not as this chore writes it", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Value::default(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let mut truth = Self { path, answers };
        let missing: Vec<_> = works.iter().filter(|work| truth.value(work).is_null()).collect();
        if !missing.is_empty() {
            eprintln!("computing the truth in f64");
            let mut oracle = Server::start(command)?;
            for work in missing {
                truth.answers[work.request.to_string()] = oracle.run(work, 0)?.features.into();
            }
            truth.save()?;
        }
        Ok(truth)
    }

    fn value(&self, work: &Work) -> &Value {
        &self.answers[work.request.to_string()]
    }

    /// Whole or absent, as all files.
    fn save(&self) -> Result<()> {
        let temporary = self.path.with_extension("tmp");
        fs::write(&temporary, self.answers.to_string())?;
        Ok(fs::rename(temporary, &self.path)?)
    }

    /// How far an engine's `features` are from the truth.
    pub(super) fn distance(&self, work: &Work, features: &[f64]) -> Result<Distance> {
        let truth = numbers(self.value(work)).context("the truth has no such work")?;
        Distance::of(features, &truth, work.rows)
    }
}

/// The distance of embeddings from the true ones, both scaled to unit length: the largest of all rows.
#[derive(Debug)]
pub(super) struct Distance {
    /// The length of the difference.
    pub(super) length: f64,
    /// One less the cosine.
    pub(super) one_minus_cosine: f64,
    /// The largest difference of an element.
    pub(super) max: f64,
}

impl Distance {
    fn of(features: &[f64], truth: &[f64], rows: usize) -> Result<Self> {
        ensure!(
            features.len() == truth.len() && truth.len().is_multiple_of(rows),
            "{} values, those of the truth are {}",
            features.len(),
            truth.len()
        );
        let mut distance = Self { length: 0.0, one_minus_cosine: 0.0, max: 0.0 };
        let width = truth.len() / rows;
        for (features, truth) in features.chunks(width).zip(truth.chunks(width)) {
            let [features, truth] = [features, truth].map(unit);
            let differences = || features.iter().zip(&truth).map(|(x, y)| x - y);
            let square: f64 = differences().map(|x| x * x).sum();
            // What is not a number must not pass, and `max` ignores it.
            ensure!(square.is_finite(), "an embedding is not finite");
            distance.length = distance.length.max(square.sqrt());
            // Of two vectors of unit length, without the cancellation.
            distance.one_minus_cosine = distance.one_minus_cosine.max(square / 2.0);
            distance.max = differences().map(f64::abs).fold(distance.max, f64::max);
        }
        Ok(distance)
    }
}

/// `row`, scaled to unit length.
fn unit(row: &[f64]) -> Vec<f64> {
    let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
    row.iter().map(|x| x / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_of_unit_vectors_and_the_largest() {
        let truth = [3.0, 4.0, 0.0, 2.0];
        let same = Distance::of(&[6.0, 8.0, 0.0, 1.0], &truth, 2).unwrap();
        assert_eq!((same.length, same.one_minus_cosine, same.max), (0.0, 0.0, 0.0));
        let other = Distance::of(&[3.0, 4.0, 5.0, 0.0], &truth, 2).unwrap();
        assert_eq!((other.one_minus_cosine, other.max), (1.0, 1.0));
        assert!((other.length - 2f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_embedding_is_refused() {
        assert!(Distance::of(&[1.0, f64::NAN], &[1.0, 1.0], 1).is_err());
        assert!(Distance::of(&[1.0, f64::INFINITY], &[1.0, 1.0], 1).is_err());
        assert!(Distance::of(&[1.0], &[1.0, 1.0], 1).is_err());
    }
}
