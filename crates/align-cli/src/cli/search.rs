//! The flags of `align search` and `align duplicates`.

use super::values::score;
use super::weighted::Weighted;
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// Folder of the index.
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Search for a text, with a weight [default: 1]; repeat the flag for each text.
    #[arg(long = "text", short, value_name = "[W:]TEXT")]
    pub(crate) texts: Vec<Weighted>,
    /// Search for items like an image file, with a weight [default: 1]; repeat the flag for each file.
    #[arg(long = "image", short, value_name = "[W:]PATH")]
    pub(crate) images: Vec<Weighted>,
    /// Search for items unlike a text, with a weight [default: 1]; repeat the flag for each text.
    #[arg(long = "minus", value_name = "[W:]TEXT")]
    pub(crate) minus: Vec<Weighted>,
    /// Answer many queries at once: a JSON object on each line, such as {"text": "2:at night",
    /// "image": "dog.png", "minus": ["people", "cars"]}; `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["texts", "images", "minus"])]
    pub(crate) queries: Option<PathBuf>,
    /// Largest number of hits of a query [default: 10, or all with --threshold].
    #[arg(long, short = 'k', value_name = "K")]
    pub(crate) top: Option<NonZeroUsize>,
    /// Lowest score of a hit; scores are cosines.
    #[arg(long, value_name = "SCORE", value_parser = score)]
    pub(crate) threshold: Option<f32>,
    /// Write an HTML page that shows the hits, complete in one file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Duplicates {
    /// Folder of the index.
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Lowest score that links two items; scores are cosines.
    #[arg(long, value_name = "SCORE", value_parser = score, default_value = "0.97")]
    pub(crate) threshold: f32,
}

pub(super) const SEARCH_EXAMPLES: &str = "\
Examples:
  align search --index photos.index --text \"a dog on snow\"
  align search --index photos.index --image dog.png --text \"2:at night\" --minus people --top 20
  align search --index photos.index -t \"a receipt\" --threshold 0.2 --format paths | xargs ls -l
  align search --index photos.index --text \"a birthday cake\" --html cakes.html
  align search --index captions.index --queries queries.jsonl --format jsonl

The query is the normalised sum of the weighted, normalised terms. A number and a colon at the
beginning of a term are its weight. If a text itself begins with a number and a colon, put a weight
in front of it, as in --text \"1:10:30 in the morning\".";

pub(super) const DUPLICATES_EXAMPLES: &str = "\
Examples:
  align duplicates --index photos.index
  align duplicates --index photos.index --threshold 0.99 --format paths

Items of a group are linked by scores at or above the threshold, directly or through other items. The
score shown is the score with the first item of the group. With --format paths, an empty line
separates groups.";
