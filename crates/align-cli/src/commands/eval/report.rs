//! The report of the classification tasks.

use crate::output::Record;
use align_eval::metrics::{Confused, Confusion};
use serde::Serialize;
use std::io::{self, Write};

/// The accuracy of a classification.
#[derive(Serialize)]
pub(super) struct Accuracy {
    acc1: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    acc5: Option<f64>,
    mean_per_class_recall: f64,
    /// The number of images.
    n: usize,
    classes: usize,
    confusions: Vec<NamedConfusion>,
}

/// A pair of a class and a wrong prediction.
#[derive(Serialize)]
struct NamedConfusion {
    class: String,
    predicted: String,
    count: usize,
}

impl Accuracy {
    /// The accuracy on `n` images, with the `limit` most frequent confusions. `acc5` is `None` if
    /// there are no scores.
    pub(super) fn new(
        confusion: &Confusion,
        acc5: Option<f64>,
        n: usize,
        classes: &[String],
        limit: usize,
    ) -> Self {
        let named = |&Confused { class, predicted, count }: &_| NamedConfusion {
            class: classes[class].clone(),
            predicted: classes[predicted].clone(),
            count,
        };
        Self {
            acc1: confusion.accuracy(),
            acc5,
            mean_per_class_recall: confusion.mean_per_class_recall(),
            n,
            classes: classes.len(),
            confusions: confusion.worst(limit).iter().map(named).collect(),
        }
    }
}

impl Record for Accuracy {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { acc1, acc5, mean_per_class_recall, n, classes, confusions } = self;
        writeln!(out, "top-1 accuracy         {}", percent(*acc1))?;
        if let Some(acc5) = acc5 {
            writeln!(out, "top-5 accuracy         {}", percent(*acc5))?;
        }
        writeln!(out, "mean per-class recall  {}", percent(*mean_per_class_recall))?;
        writeln!(out, "images                 {n}")?;
        writeln!(out, "classes                {classes}")?;
        if confusions.is_empty() {
            return Ok(());
        }
        let width = |name: fn(&NamedConfusion) -> &str, title: &str| {
            let names = confusions.iter().map(name).chain([title]);
            names.map(|name| name.chars().count()).max().unwrap_or(0)
        };
        let class = width(|c| &c.class, "class");
        let predicted = width(|c| &c.predicted, "taken for");
        writeln!(out, "\n{:class$}  {:predicted$}  times", "class", "taken for")?;
        for c in confusions {
            writeln!(out, "{:class$}  {:predicted$}  {:5}", c.class, c.predicted, c.count)?;
        }
        Ok(())
    }
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:6.2} %", 100.0 * share)
}
