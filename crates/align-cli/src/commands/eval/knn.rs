//! `align eval knn`.

use super::embedding::{Embedder, both};
use super::report::Accuracy;
use crate::cli::{EvalKnn, Global};
use crate::failure::Outcome;
use crate::output::{Record, Records};
use align_eval::dataset::LabelledImages;
use align_eval::metrics::{Confusion, knn_predictions};
use anyhow::Result;
use ndarray::ArrayView1;
use serde::Serialize;
use std::io::{self, Write};

pub(super) fn run(global: &Global, arguments: &EvalKnn) -> Result<Outcome> {
    let EvalKnn { train, test, neighbors, confusions, skipping } = arguments;
    let train_data = LabelledImages::open(train)?;
    let test_data = LabelledImages::open(test)?.adopt_classes(&train_data)?;
    let embedder = Embedder::load(global, global.load_processor()?)?;
    let train = embedder.labelled(&train_data, skipping, false)?;
    let test = embedder.labelled(&test_data, skipping, false)?;

    let predicted = knn_predictions(
        &global.runtime()?,
        train.embeds.view(),
        train.labels.view(),
        test.embeds.view(),
        neighbors.get(),
    )?;
    let (classes, n) = (&train_data.classes, test.labels.len());
    let predicted = ArrayView1::from(&predicted);
    let confusion = Confusion::new(test.labels.view(), predicted, classes.len())?;
    let accuracy = Accuracy::new(&confusion, None, n, classes, confusions.limit);
    let report = Knn { k: neighbors.get(), n_train: train.labels.len(), accuracy };
    Records::only(global.format(), &report)?;
    Ok(both(train.outcome, test.outcome))
}

#[derive(Serialize)]
struct Knn {
    #[serde(flatten)]
    accuracy: Accuracy,
    k: usize,
    n_train: usize,
}

impl Record for Knn {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "nearest neighbours     {} of {} images", self.k, self.n_train)?;
        self.accuracy.table(out)
    }
}
