//! `align eval`: how good the model is on labelled or captioned images.
//!
//! - `zeroshot`, `retrieval`, `knn`, `linear_probe`: a task each;
//! - `embedding`: images and texts to arrays;
//! - `report`: what the tasks that sort images have in common to say.

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
