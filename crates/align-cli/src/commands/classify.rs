//! `align classify`: zero-shot classification of images.

use crate::cli::{Classify, Global};
use crate::failure::{Outcome, Usage};
use crate::input::{self, ImageReader};
use crate::output::{Record, Records};
use align_model::{LabelScore, ZeroShotClassifier, l2_normalize};
use anyhow::Result;
use serde::Serialize;
use std::io::{self, Write};

pub(crate) fn run(global: &Global, arguments: &Classify) -> Result<Outcome> {
    let labels = labels(arguments)?;
    let images = input::paths(&arguments.images)?;
    let processor = global.load_processor()?;
    let model = global.load_model()?;
    let classifier = ZeroShotClassifier::new(&model, &processor, labels, &arguments.templates)?;
    let shown = arguments.top.map_or(usize::MAX, |top| top.get());
    let mut records = Records::new(global.format());
    let reader = ImageReader::new(global, &model, &processor);
    let outcome = reader.features(&images, &arguments.skipping, |paths, features| {
        let scores = classifier.classify_embeds(l2_normalize(features).view());
        for (path, scores) in paths.iter().zip(scores) {
            let labels = scores.iter().take(shown).map(|s| Label::new(s, classifier.labels()));
            let image = path.display().to_string();
            records.write(&Classified { image, labels: labels.collect() })?;
        }
        Ok(())
    })?;
    records.finish()?;
    Ok(outcome)
}

/// The labels of the command line, followed by those of the file.
fn labels(arguments: &Classify) -> Result<Vec<String>> {
    let mut labels = arguments.labels.clone();
    if let Some(file) = &arguments.labels_file {
        labels.extend(input::lines_of_file(file)?);
    }
    if labels.is_empty() {
        let usage = match &arguments.labels_file {
            Some(file) => format!("{}: expected a label on a line, found none", file.display()),
            None => "no labels: give some by --label TEXT or --labels-file FILE".to_owned(),
        };
        return Err(Usage(usage).into());
    }
    Ok(labels)
}

#[derive(Serialize)]
struct Classified<'a> {
    image: String,
    labels: Vec<Label<'a>>,
}

#[derive(Serialize)]
struct Label<'a> {
    label: &'a str,
    logit: f32,
    probability: f32,
}

impl<'a> Label<'a> {
    fn new(score: &LabelScore, labels: &'a [String]) -> Self {
        let &LabelScore { label, logit, probability } = score;
        Self { label: &labels[label], logit, probability }
    }
}

impl Record for Classified<'_> {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.image)?;
        let width = self.labels.iter().map(|l| l.label.chars().count()).max().unwrap_or(0);
        for Label { label, probability, .. } in &self.labels {
            let percent = 100.0 * probability;
            writeln!(out, "  {label:width$}  {}  {percent:5.1} %", bar(*probability))?;
        }
        Ok(())
    }
}

/// A bar that shows a share, to an eighth of a character.
fn bar(part: f32) -> String {
    const WIDTH: usize = 24;
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (part.clamp(0.0, 1.0) * (8 * WIDTH) as f32).round() as usize;
    let drawn = format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
    format!("{drawn:WIDTH$}")
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_are_of_one_width() {
        assert_eq!(bar(0.0), " ".repeat(24));
        assert_eq!(bar(1.0), "█".repeat(24));
        assert_eq!(bar(0.5).trim_end(), "█".repeat(12));
        assert_eq!(bar(0.005).trim_end(), "▏");
        for i in 0..=100 {
            assert_eq!(bar(i as f32 / 100.0).chars().count(), 24);
        }
    }
}
