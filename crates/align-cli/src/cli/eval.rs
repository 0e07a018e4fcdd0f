//! The flags of `align eval`.

use super::skipping::Skipping;
use super::values::{positive, template};
use clap::{Args, Subcommand};
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Eval {
    /// Classify images by the names of classes, without training.
    Zeroshot(EvalZeroshot),
    /// Retrieve captions by images, and images by captions.
    Retrieval(EvalRetrieval),
    /// Classify test images by their nearest training images.
    Knn(EvalKnn),
    /// Classify test images by a linear classifier that is trained on embeddings.
    LinearProbe(EvalLinearProbe),
}

#[derive(Debug, Args)]
pub(crate) struct EvalZeroshot {
    /// Folder with one folder of images for each class, or CSV file with the columns image (relative
    /// to the file) and label.
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// File of class names. Lines are `class<TAB>name`, or names alone. Names alone are the classes
    /// themselves, or in the order of numeric labels from 0, or in the order of the sorted classes
    /// [default: the classes themselves].
    #[arg(long, value_name = "FILE")]
    pub(crate) classes: Option<PathBuf>,
    /// Text in which `{}` is replaced by the class name; several templates are averaged.
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
    /// JSON file in the format of Karpathy's splits of Flickr30k and COCO, or CSV file with the
    /// columns image and caption and one row for each caption.
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// Folder that image paths are relative to [default: the folder of DATA].
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,
    /// Split of a JSON file [default: test].
    #[arg(long, value_name = "NAME")]
    pub(crate) split: Option<String>,
    /// Truncate captions that are too long, instead of failing.
    #[arg(long)]
    pub(crate) truncate: bool,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

#[derive(Debug, Args)]
pub(crate) struct EvalKnn {
    /// Labelled training images, in a format of `align eval zeroshot`.
    #[arg(value_name = "TRAIN")]
    pub(crate) train: PathBuf,
    /// Labelled test images.
    #[arg(value_name = "TEST")]
    pub(crate) test: PathBuf,
    /// Number of nearest images that vote; of equal votes, the greater sum of cosines wins.
    #[arg(long, short = 'k', value_name = "K", default_value = "5")]
    pub(crate) neighbors: NonZeroUsize,
    #[command(flatten)]
    pub(crate) confusions: Confusions,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

#[derive(Debug, Args)]
pub(crate) struct EvalLinearProbe {
    /// Labelled training images, in a format of `align eval zeroshot`.
    #[arg(value_name = "TRAIN")]
    pub(crate) train: PathBuf,
    /// Labelled test images.
    #[arg(value_name = "TEST")]
    pub(crate) test: PathBuf,
    /// Inverse strength of the L2 penalty, as C in scikit-learn: the loss is C times the sum of the
    /// cross-entropies of the samples plus half the squared length of the weights.
    #[arg(long, value_name = "C", default_value = "1", value_parser = positive)]
    pub(crate) c: f64,
    /// Length of the gradient that counts as zero, for weights of length 1 or less.
    #[arg(long, value_name = "LENGTH", default_value = "1e-6", value_parser = positive)]
    pub(crate) tolerance: f64,
    /// Largest number of iterations; it is an error not to converge within it.
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) max_iterations: usize,
    /// Do not normalise embeddings to unit length.
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
