//! How good the demo model is, measured through the engine.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::scores::{self, Embeddings};
use super::sources::Sources;
use crate::oracle::{self, Oracle};

/// Draws pictures, embeds them and all texts with `align`, and prints a table of what the model gets right.
pub(super) fn evaluate(
    oracle: &Oracle,
    sources: &Sources,
    model: &Path,
    folder: &Path,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    eprintln!("drawing pictures into {}", folder.display());
    oracle::run(super::script(oracle, "pictures.py", sources).arg(folder))?;
    let model =
        fs::canonicalize(model).with_context(|| format!("no model at {}", model.display()))?;
    let engine = Engine { model: &model, folder };
    let texts = read_lines(&folder.join("texts.txt"))?;
    let embedded_texts = engine.embed("text", &texts)?;
    let mut pictures = Embeddings::new();
    for set in ["familiar", "unfamiliar"] {
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(folder.join(set))? {
            names.push(format!("{set}/{}", entry?.file_name().to_string_lossy()));
        }
        names.sort();
        pictures.extend(engine.embed("image", &names)?);
    }
    println!("| measured | right |\n|---|---|");
    report_retrieval(folder, &pictures, &embedded_texts)?;
    report_questions(folder, &pictures, &texts, &embedded_texts)?;
    report_agreement(oracle, &model, folder, &pictures, &embedded_texts)
}

/// The command line, in release mode.
struct Engine<'a> {
    model: &'a Path,
    folder: &'a Path,
}

impl Engine<'_> {
    /// Unit embeddings of pictures (paths in the folder) or texts.
    fn embed(&self, kind: &str, names: &[String]) -> Result<Embeddings> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = crate::workspace::root().join("Cargo.toml");
        let mut align = Command::new(cargo)
            .args(["run", "--quiet", "--release", "--package", "align-cli", "--manifest-path"])
            .arg(manifest)
            .args(["--", "embed", kind, "-", "--format", "jsonl", "--model"])
            .arg(self.model)
            .current_dir(self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run cargo")?;
        let mut input = align.stdin.take().context("align has no input")?;
        let lines = names.join("\n");
        // All names go in while embeddings come out: neither pipe may fill up and stop the other.
        let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
        let embeddings = scores::read(align.stdout.take().context("align has no output")?)?;
        writer.join().expect("the writer does not panic")?;
        ensure!(align.wait()?.success(), "align embed failed");
        ensure!(
            embeddings.len() == names.len(),
            "{} of {} embedded",
            embeddings.len(),
            names.len()
        );
        Ok(embeddings)
    }
}

/// Recall both ways over all emoji.
fn report_retrieval(folder: &Path, pictures: &Embeddings, texts: &Embeddings) -> Result<()> {
    let pairs = read_lines(&folder.join("retrieval.csv"))?;
    let (mut images, mut captions) = (Vec::new(), Vec::new());
    for pair in &pairs[1..] {
        let (image, caption) =
            pair.split_once(',').context("retrieval.csv: a line without a comma")?;
        let caption = caption.trim_matches('"').replace("\"\"", "\"");
        images.push(found(pictures, image)?);
        captions.push(found(texts, &caption)?);
    }
    for (name, recall) in [
        ("image to text", scores::recall_at_1_5_10(&images, &captions)),
        ("text to image", scores::recall_at_1_5_10(&captions, &images)),
    ] {
        let [r1, r5, r10] = recall.map(percent);
        println!(
            "| recall@1 / 5 / 10, {name}, over {} emoji | {r1} / {r5} / {r10} |",
            images.len()
        );
    }
    Ok(())
}

/// Zero-shot questions: the share answered right, by set.
fn report_questions(
    folder: &Path,
    pictures: &Embeddings,
    texts: &[String],
    embedded: &Embeddings,
) -> Result<()> {
    let mut sets: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in read_lines(&folder.join("questions.jsonl"))? {
        let question: Value = serde_json::from_str(&line)?;
        let text =
            |set: &str| question[set].as_str().with_context(|| format!("a question lacks {set}"));
        let picture = found(pictures, text("picture")?)?;
        let choices = question["texts"].as_array().context("a question lacks texts")?;
        let choices: Vec<&[f32]> = choices
            .iter()
            .map(|line| {
                let line = line.as_u64().context("a text is no line")? as usize;
                found(embedded, texts.get(line).context("a text beyond the last line")?)
            })
            .collect::<Result<_>>()?;
        let (asked, right) = sets.entry(text("set")?.to_owned()).or_default();
        *asked += 1;
        *right += usize::from(scores::first_is_nearest(picture, &choices));
    }
    for (set, (asked, right)) in sets {
        println!(
            "| zero-shot top-1: {set} ({asked} questions) | {} |",
            percent(right as f64 / asked as f64)
        );
    }
    Ok(())
}

/// The least cosine between our embeddings and the oracle's of the same checkpoint.
fn report_agreement(
    oracle: &Oracle,
    model: &Path,
    folder: &Path,
    pictures: &Embeddings,
    texts: &Embeddings,
) -> Result<()> {
    oracle::run(oracle.script("demo/oracle_embeddings.py").arg(model).arg(folder))?;
    let theirs = scores::read(File::open(folder.join("oracle.jsonl"))?)?;
    let mut least = f64::INFINITY;
    for (name, theirs) in &theirs {
        let ours = pictures
            .get(name)
            .or_else(|| texts.get(name))
            .context("the oracle embeds what we do not")?;
        least = least.min(scores::cosine(ours, theirs));
    }
    println!(
        "| least cosine to the oracle's embedding, of {} | 1 - {:.1e} |",
        theirs.len(),
        1.0 - least
    );
    Ok(())
}

fn found<'a>(embeddings: &'a Embeddings, name: &str) -> Result<&'a [f32]> {
    let embedding = embeddings.get(name).with_context(|| format!("{name} was not embedded"))?;
    Ok(embedding)
}

fn read_lines(path: &Path) -> Result<Vec<String>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(BufReader::new(file).lines().collect::<std::io::Result<_>>()?)
}

fn percent(part: f64) -> String {
    format!("{:.1} %", 100.0 * part)
}
