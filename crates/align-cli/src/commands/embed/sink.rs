//! Where embeddings go: standard output, or a file by its extension.

use crate::cli::Format;
use crate::npy;
use crate::output::{Record, Records, write_file};
use anyhow::{Result, anyhow};
use ndarray::{Array2, ArrayView1};
use safetensors::{Dtype, tensor::TensorView};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What is embedded, by the name that it has in JSON.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Image,
    Text,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Text => "text",
        }
    }
}

/// Takes embeddings as they come.
pub(super) enum Sink {
    /// Written at once.
    Stdout { records: Records, kind: Kind },
    /// Collected and written at the end, since all of these formats begin with the whole size,
    /// and a file is there in full or not at all.
    File { path: PathBuf, kind: Kind, names: Vec<String>, values: Vec<f32>, width: usize },
}

impl Sink {
    /// A sink for rows of `width` values.
    pub(super) fn new(kind: Kind, width: usize, output: Option<&Path>, format: Format) -> Self {
        match output {
            None => Self::Stdout { records: Records::new(format), kind },
            Some(path) => {
                let (path, names, values) = (path.to_owned(), Vec::new(), Vec::new());
                Self::File { path, kind, names, values, width }
            }
        }
    }

    /// Takes the rows of `embeddings`, one for each name.
    pub(super) fn write(
        &mut self,
        names: impl Iterator<Item = String>,
        embeddings: Array2<f32>,
    ) -> Result<()> {
        match self {
            Self::Stdout { records, kind } => {
                for (name, embedding) in names.zip(embeddings.rows()) {
                    records.write(&Embedded { kind: *kind, name: &name, embedding })?;
                }
            }
            Self::File { names: all_names, values, .. } => {
                all_names.extend(names);
                values.extend(embeddings);
            }
        }
        Ok(())
    }

    /// Writes what is left to write.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::Stdout { records, .. } => Ok(records.finish()?),
            Self::File { path, kind, names, values, width } => {
                let embeddings = Array2::from_shape_vec((names.len(), width), values)?;
                write_file(&path, |out| match path.extension().and_then(|e| e.to_str()) {
                    Some("npy") => Ok(npy::write(out, &embeddings)?),
                    Some("safetensors") => write_safetensors(out, kind, &names, &embeddings),
                    Some("jsonl") => write_jsonl(out, kind, &names, &embeddings),
                    _ => Err(anyhow!("no known extension")),
                })
            }
        }
    }
}

fn write_jsonl(
    out: &mut impl Write,
    kind: Kind,
    names: &[String],
    embeddings: &Array2<f32>,
) -> Result<()> {
    for (name, embedding) in names.iter().zip(embeddings.rows()) {
        serde_json::to_writer(&mut *out, &Embedded { kind, name, embedding })?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// One tensor, `embeddings [n, width]`; the metadata's `image` or `text` is a JSON list of what
/// the rows belong to.
fn write_safetensors(
    out: &mut impl Write,
    kind: Kind,
    names: &[String],
    embeddings: &Array2<f32>,
) -> Result<()> {
    let bytes: Vec<u8> = embeddings.iter().flat_map(|x| x.to_le_bytes()).collect();
    let tensor = TensorView::new(Dtype::F32, embeddings.shape().to_vec(), &bytes)?;
    let metadata = HashMap::from([(kind.name().to_owned(), serde_json::to_string(names)?)]);
    out.write_all(&safetensors::serialize([("embeddings", tensor)], Some(metadata))?)?;
    Ok(())
}

struct Embedded<'a> {
    kind: Kind,
    name: &'a str,
    embedding: ArrayView1<'a, f32>,
}

impl Serialize for Embedded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(self.kind.name(), self.name)?;
        map.serialize_entry("embedding", &self.embedding.to_vec())?;
        map.end()
    }
}

impl Record for Embedded<'_> {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 4;
        writeln!(out, "{}", self.name)?;
        write!(out, "  {} values:", self.embedding.len())?;
        for value in self.embedding.iter().take(SHOWN) {
            write!(out, " {value:9.6}")?;
        }
        writeln!(out, "{}", if self.embedding.len() > SHOWN { " ..." } else { "" })
    }
}
