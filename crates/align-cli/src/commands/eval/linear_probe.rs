//! `align eval linear-probe`.

use super::embedding::{Embedder, Labelled, both};
use super::report::Accuracy;
use crate::cli::{EvalLinearProbe, Global};
use crate::failure::Outcome;
use crate::output::{Record, Records};
use align_eval::dataset::LabelledImages;
use align_eval::metrics::{
    Confusion, LinearProbe, LinearProbeOptions, MetricsError, predictions, top_k_accuracy,
};
use anyhow::{Error, Result, anyhow};
use ndarray::ArrayView1;
use serde::Serialize;
use std::io::{self, Write};

pub(super) fn run(global: &Global, arguments: &EvalLinearProbe) -> Result<Outcome> {
    let &EvalLinearProbe { c, tolerance, max_iterations, raw, .. } = arguments;
    let EvalLinearProbe { confusions, skipping, .. } = arguments;
    let train_data = LabelledImages::open(&arguments.train)?;
    let test_data = LabelledImages::open(&arguments.test)?.adopt_classes(&train_data)?;
    let classes = &train_data.classes;
    let embedder = Embedder::load(global, global.load_processor()?)?;
    let train = embedder.labelled(&train_data, skipping, raw)?;
    let test = embedder.labelled(&test_data, skipping, raw)?;

    let options = LinearProbeOptions::default()
        .with_c(c)
        .with_tolerance(tolerance)
        .with_max_iterations(max_iterations);
    let probe = fit(global, &train_data, &train, &options)?;
    let scores = probe.scores(test.embeds.view())?;
    let predicted = predictions(scores.view())?;
    let predicted = ArrayView1::from(&predicted);
    let confusion = Confusion::new(test.labels.view(), predicted, classes.len())?;
    let acc5 = top_k_accuracy(scores.view(), test.labels.view(), 5)?;
    let n = test.labels.len();
    let report = Probe {
        accuracy: Accuracy::new(&confusion, Some(acc5), n, classes, confusions.limit),
        n_train: train.labels.len(),
        c,
        iterations: probe.iterations(),
        gradient_norm: probe.gradient_norm(),
    };
    Records::only(global.format(), &report)?;
    Ok(both(train.outcome, test.outcome))
}

/// Fits the probe. Errors name the data, and a class by its name.
fn fit(
    global: &Global,
    data: &LabelledImages,
    train: &Labelled,
    options: &LinearProbeOptions,
) -> Result<LinearProbe> {
    let (embeds, labels) = (train.embeds.view(), train.labels.view());
    let fitted = LinearProbe::fit(&global.runtime()?, embeds, labels, data.classes.len(), options);
    let source = data.source.display();
    fitted.map_err(|error| match error {
        MetricsError::EmptyClass { class } => {
            let class = &data.classes[class];
            anyhow!("{source}: class {class:?}: none of its images can be read")
        }
        error @ MetricsError::Classes { .. } => Error::from(error).context(source.to_string()),
        error => error.into(),
    })
}

#[derive(Serialize)]
struct Probe {
    #[serde(flatten)]
    accuracy: Accuracy,
    n_train: usize,
    c: f64,
    iterations: usize,
    gradient_norm: f64,
}

impl Record for Probe {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { accuracy, n_train, c, iterations, gradient_norm } = self;
        writeln!(out, "trained on             {n_train} images, C = {c}")?;
        writeln!(out, "converged after        {iterations} steps, gradient {gradient_norm:.1e}")?;
        accuracy.table(out)
    }
}
