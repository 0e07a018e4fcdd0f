//! The flags of `align eval`.

use super::{Skipping, template};
use clap::{Args, Subcommand};
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Eval {
    /// Sort images under classes that are only named.
    Zeroshot(EvalZeroshot),
    /// Find captions by images, and images by captions.
    Retrieval(EvalRetrieval),
    /// Sort test images as the training images nearest to them are sorted.
    Knn(EvalKnn),
    /// Sort test images by a linear classifier, trained on embeddings.
    LinearProbe(EvalLinearProbe),
}

#[derive(Debug, Args)]
pub(crate) struct EvalZeroshot {
    /// Folder with a folder of images for each class, or CSV file with the columns image (relative
    /// to it) and label.
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// File of class names: a line `class<TAB>name` for each; or a name for each, where these are
    /// the labels themselves, in the order of the labels' numbers from 0, or in that of the sorted
    /// classes [default: the classes themselves].
    #[arg(long, value_name = "FILE")]
    pub(crate) classes: Option<PathBuf>,
    /// Text around a class name, which stands for `{}`; several are averaged.
    #[arg(long = "template", short, value_name = "TEXT", value_parser = template)]
    pub(crate) templates: Vec<String>,
    /// File of templates, one per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) templates_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) confusions: Confusions,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

#[derive(Debug, Args)]
pub(crate) struct EvalRetrieval {
    /// JSON file as Karpathy's for Flickr30k and COCO, or CSV file with the columns image and
    /// caption, a row for each caption.
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// Folder that the images are relative to [default: that of DATA].
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,
    /// Split of a JSON file [default: test].
    #[arg(long, value_name = "NAME")]
    pub(crate) split: Option<String>,
    /// Cut captions that are too long instead of refusing them.
    #[arg(long)]
    pub(crate) truncate: bool,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

#[derive(Debug, Args)]
pub(crate) struct EvalKnn {
    /// Labelled images to compare with, as `align eval zeroshot` takes them.
    #[arg(value_name = "TRAIN")]
    pub(crate) train: PathBuf,
    /// Labelled images to sort.
    #[arg(value_name = "TEST")]
    pub(crate) test: PathBuf,
    /// Nearest images by cosine that vote; of equal votes, the greater sum of cosines wins.
    #[arg(long, short = 'k', value_name = "K", default_value = "5")]
    pub(crate) neighbors: NonZeroUsize,
    #[command(flatten)]
    pub(crate) confusions: Confusions,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

#[derive(Debug, Args)]
pub(crate) struct EvalLinearProbe {
    /// Labelled images to train on, as `align eval zeroshot` takes them.
    #[arg(value_name = "TRAIN")]
    pub(crate) train: PathBuf,
    /// Labelled images to sort.
    #[arg(value_name = "TEST")]
    pub(crate) test: PathBuf,
    /// Inverse strength of the L2 penalty, as scikit-learn's C: the loss is C times the sum of the
    /// samples' cross-entropies plus half the squared length of the weights.
    #[arg(long, value_name = "C", default_value = "1", value_parser = positive)]
    pub(crate) c: f64,
    /// How long the gradient may be at the end, beside weights of length 1.
    #[arg(long, value_name = "LENGTH", default_value = "1e-6", value_parser = positive)]
    pub(crate) tolerance: f64,
    /// Steps after which it is an error not to have converged.
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) max_iterations: usize,
    /// Do not bring embeddings to unit length.
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) confusions: Confusions,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

#[derive(Debug, Args)]
pub(crate) struct Confusions {
    /// Show the N most frequent confusions.
    #[arg(long = "confusions", value_name = "N", default_value = "10")]
    pub(crate) limit: usize,
}

pub(super) const EXAMPLES: &str = "\
Examples:
  align eval zeroshot imagenet/val --classes names.txt --templates-file templates.txt
  align eval zeroshot birds.csv --template \"a photo of a {}, a type of bird\" --format json
  align eval retrieval dataset_flickr30k.json --images flickr30k-images
  align eval retrieval captions.csv --truncate
  align eval knn flowers/train flowers/test -k 20
  align eval linear-probe flowers/train flowers/test --c 10";

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a positive number".to_owned()),
    }
}
