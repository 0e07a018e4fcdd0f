//! The command line: every command and flag.

mod eval;
mod index;
mod search;
mod skipping;
mod values;
mod weighted;

pub(crate) use eval::{Eval, EvalKnn, EvalLinearProbe, EvalRetrieval, EvalZeroshot};
pub(crate) use index::{Index, IndexCommand, IndexExport};
pub(crate) use search::{Duplicates, Search};
pub(crate) use skipping::Skipping;
#[cfg(not(feature = "parquet"))]
pub(crate) use values::NO_PARQUET;
pub(crate) use values::template;
pub(crate) use weighted::Weighted;

use align_model::Precision;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use values::{embeddings_file, npy_file, threads};

/// Zero-shot image classification and image and text embeddings with ALIGN, on the CPU.
///
/// Results go to standard output, everything else to standard error.
/// Exit code 0: done; 1: the work failed; 2: wrong usage.
#[derive(Debug, Parser)]
#[command(name = "align", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Checkpoint folder in the layout of Hugging Face.
    #[arg(long, global = true, value_name = "DIR", env = "ALIGN_MODEL")]
    pub(crate) model: Option<PathBuf>,
    /// Arithmetic of the matrix products: f32, bf16x3, bf16 or int8 [default: the precision that the
    /// model was converted for, else f32].
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) precision: Option<Precision>,
    /// Number of threads [default: the number of cores available].
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Output format of results [default: table on a terminal, else jsonl].
    #[arg(long, global = true, value_enum)]
    pub(crate) format: Option<FormatArgument>,
    /// Show errors only, no progress and no remarks.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArgument {
    /// Text for people.
    Table,
    /// One JSON value.
    Json,
    /// One JSON value per line, written as soon as it is known.
    Jsonl,
    /// Only paths or texts, one per line (for `search` and `duplicates`).
    Paths,
}

/// The format of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Json,
    Jsonl,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Classify images by labels that are given as texts.
    #[command(after_help = CLASSIFY_EXAMPLES)]
    Classify(Classify),
    /// Compute embeddings of images or texts.
    #[command(subcommand, after_help = EMBED_EXAMPLES)]
    Embed(Embed),
    /// Show the input of the model for an image or a text.
    #[command(subcommand, after_help = PREPROCESS_EXAMPLES)]
    Preprocess(Preprocess),
    /// Evaluate the model on labelled or captioned images.
    #[command(subcommand, after_help = eval::EXAMPLES)]
    Eval(Eval),
    /// Create or update an index of images or texts.
    #[command(after_help = index::EXAMPLES)]
    Index(Index),
    /// Search an index by texts and images.
    #[command(after_help = search::SEARCH_EXAMPLES)]
    Search(Search),
    /// Find near-identical images or texts in an index.
    #[command(after_help = search::DUPLICATES_EXAMPLES)]
    Duplicates(Duplicates),
    /// Describe the model and the machine.
    #[command(after_help = INFO_EXAMPLES)]
    Info,
    /// Measure the time of both towers, from arrays to embeddings.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(Bench),
    /// Convert a checkpoint to rounded weights, so that it loads faster.
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(Convert),
}

#[derive(Debug, Args)]
pub(crate) struct Classify {
    /// Image files; `-` reads paths from standard input, one per line.
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// A label as text; repeat the flag for each label.
    #[arg(long = "label", short, value_name = "TEXT", num_args = 1..)]
    pub(crate) labels: Vec<String>,
    /// File of labels, one per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) labels_file: Option<PathBuf>,
    /// Text in which `{}` is replaced by the label; several templates are averaged.
    #[arg(long = "template", short, value_name = "TEXT", value_parser = template)]
    pub(crate) templates: Vec<String>,
    /// Show only the K most probable labels.
    #[arg(long, short = 'k', value_name = "K")]
    pub(crate) top: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Embed {
    /// Embed images.
    Image(EmbedImage),
    /// Embed texts.
    Text(EmbedText),
}

#[derive(Debug, Args)]
pub(crate) struct EmbedImage {
    /// Image files and shards of images (.tar, .parquet); `-` reads paths from standard input, one
    /// per line.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Column of a .parquet file, or extension of the members of a .tar file, that holds the images
    /// [default: image, jpg, jpeg, png, webp or bytes; every extension of an image].
    #[arg(long, value_name = "NAME")]
    pub(crate) column: Option<String>,
    #[command(flatten)]
    pub(crate) output: EmbedOutput,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

#[derive(Debug, Args)]
pub(crate) struct EmbedText {
    /// Texts; `-` reads them from standard input, one per line.
    #[arg(required_unless_present = "shards", conflicts_with = "shards", value_name = "TEXT")]
    pub(crate) texts: Vec<String>,
    /// Shard of captions to embed instead of TEXT (.tar, .parquet); repeat the flag for each shard.
    /// `-` reads paths from standard input.
    #[arg(long = "from", value_name = "FILE")]
    pub(crate) shards: Vec<PathBuf>,
    /// Column of a .parquet file, or field of the .json members of a .tar file, that holds the
    /// captions [default: text or caption; the .txt members].
    #[arg(long, value_name = "NAME")]
    pub(crate) column: Option<String>,
    /// Truncate texts that are too long, instead of failing.
    #[arg(long)]
    pub(crate) truncate: bool,
    #[command(flatten)]
    pub(crate) output: EmbedOutput,
    #[command(flatten)]
    pub(crate) skipping: Skipping,
}

#[derive(Debug, Args)]
pub(crate) struct EmbedOutput {
    /// Do not normalise embeddings to unit length.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Write to a file; its extension selects the format: .npy, .jsonl, .safetensors or .parquet.
    #[arg(long, short, value_name = "FILE", value_parser = embeddings_file)]
    pub(crate) output: Option<PathBuf>,
}

impl EmbedOutput {
    pub(crate) fn path(&self) -> Option<&Path> {
        self.output.as_deref()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Preprocess {
    /// Write the pixel values of an image as f32 [1, C, H, W].
    Image {
        /// Image file.
        path: PathBuf,
        /// The .npy file to write.
        #[arg(long, short, value_name = "FILE", value_parser = npy_file)]
        output: PathBuf,
    },
    /// Show the token ids and the attention mask of texts.
    Text {
        /// Texts; `-` reads them from standard input, one per line.
        #[arg(required = true, value_name = "TEXT")]
        texts: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Use seeded weights of this shape instead of a checkpoint.
    #[arg(long, value_enum, value_name = "SHAPE")]
    pub(crate) synthetic: Option<Synthetic>,
    /// Number of images and of texts in one forward.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) batch: u16,
    /// Number of tokens of each text.
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) tokens: u16,
    /// Add a row for each step of each tower: time, speed, and share of the measured peak.
    #[arg(long)]
    pub(crate) profile: bool,
}

/// The converted checkpoint gives the same bits as the original with `--precision`. Batch norms are
/// folded into the convolutions, so no other program can read the result.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// Checkpoint folder to read.
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Checkpoint folder to create.
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Replace OUT if it exists.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Synthetic {
    /// The published base model: EfficientNet-B7 at 289 pixels and BERT-base.
    AlignBase,
}

const CLASSIFY_EXAMPLES: &str = "\
Examples:
  align classify cat.jpg --label \"a photo of a cat\" --label \"a photo of a dog\"
  align classify *.png --labels-file animals.txt --template \"a photo of a {}\" --top 5
  find . -name '*.jpg' | align classify - -l cat -l dog --format jsonl --keep-going";

const EMBED_EXAMPLES: &str = "\
Examples:
  align embed image photos/*.jpg --output photos.npy
  align embed text \"a cat\" \"a dog\" --raw
  align embed text - --output captions.safetensors < captions.txt
  align embed image shards/*.tar --output images.parquet --keep-going
  align embed text --from captions.parquet --column caption --truncate --output captions.npy";

const PREPROCESS_EXAMPLES: &str = "\
Examples:
  align preprocess image cat.jpg --output pixels.npy
  align preprocess text \"a photo of a cat\"";

const INFO_EXAMPLES: &str = "\
Examples:
  align info --model align-base
  align info --model align-base --format json";

const BENCH_EXAMPLES: &str = "\
Examples:
  align bench --synthetic align-base --threads 2
  align bench --model align-base --batch 8 --tokens 32 --format json
  align bench --synthetic align-base --profile
  ALIGN_ISA=avx2 align bench --synthetic align-base";

const CONVERT_EXAMPLES: &str = "\
Examples:
  align convert --precision bf16 align-base align-base-bf16
  align convert --precision int8 align-base align-base-int8 --force";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
