//! `align eval`: evaluation of the model on labelled or captioned images.
//!
//! - `zeroshot`, `retrieval`, `knn`, `linear_probe`: one task each;
//! - `embedding`: embeddings of images and texts;
//! - `report`: the report of the classification tasks.

mod embedding;
mod knn;
mod linear_probe;
mod report;
mod retrieval;
mod zeroshot;

use crate::cli::{Eval, Global};
use crate::failure::Outcome;
use anyhow::Result;

pub(crate) fn run(global: &Global, arguments: &Eval) -> Result<Outcome> {
    match arguments {
        Eval::Zeroshot(arguments) => zeroshot::run(global, arguments),
        Eval::Retrieval(arguments) => retrieval::run(global, arguments),
        Eval::Knn(arguments) => knn::run(global, arguments),
        Eval::LinearProbe(arguments) => linear_probe::run(global, arguments),
    }
}
