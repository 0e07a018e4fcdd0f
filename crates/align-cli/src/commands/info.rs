//! `align info`: the model and the machine.

use crate::cli::Global;
use crate::failure::Outcome;
use crate::model_source::ModelSource;
use crate::output::{Record, Records};
use align_model::{
    AlignTextConfig, AlignVisionConfig, Checkpoint, ConfigError, ConfigFile, Isa, Precision,
    Runtime, TensorSource,
};
use anyhow::Result;
use serde::Serialize;
use std::io::{self, Write};

pub(crate) fn run(global: &Global) -> Result<Outcome> {
    let runtime = global.runtime()?;
    let (model, precision) = match global.model_source() {
        Ok(source) => {
            let checkpoint = source.checkpoint()?;
            let precision = checkpoint.precision(runtime.requested_precision)?;
            (Some(Model::read(source, &checkpoint)?), precision)
        }
        // The machine can be described without a model.
        Err(missing) => {
            global.remark(missing);
            (None, runtime.precision())
        }
    };
    let info = Info { model, machine: Machine::from_runtime(&runtime, precision) };
    Records::only(global.format(), &info)?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct Info {
    model: Option<Model>,
    #[serde(flatten)]
    machine: Machine,
}

#[derive(Serialize)]
struct Model {
    path: String,
    model_type: String,
    bytes: u64,
    tensors: usize,
    parameters: usize,
    /// `None` for a checkpoint with one tower.
    embedding_size: Option<usize>,
    temperature: Option<f32>,
    vision: Option<Vision>,
    text: Option<Text>,
    non_finite: Vec<NonFinite>,
}

#[derive(Serialize)]
struct Vision {
    parameters: u64,
    channels: usize,
    image_height: usize,
    image_width: usize,
    blocks: usize,
}

#[derive(Serialize)]
struct Text {
    parameters: u64,
    vocabulary: usize,
    max_tokens: usize,
    layers: usize,
    heads: usize,
    hidden_size: usize,
}

#[derive(Serialize)]
struct NonFinite {
    tensor: String,
    nans: usize,
    infinities: usize,
}

#[derive(Serialize)]
struct Machine {
    isa: String,
    isas_found: Vec<String>,
    precision: String,
    precisions: Vec<Means>,
    threads: usize,
}

/// The instructions that compute a precision on this machine.
#[derive(Serialize)]
struct Means {
    precision: String,
    by: &'static str,
}

impl Model {
    fn read(source: ModelSource<'_>, checkpoint: &Checkpoint) -> Result<Self> {
        let (model_type, joined, vision, text) = match Tower::alone(source)? {
            Some(Tower::Vision(config)) => ("align_vision_model", None, Some(config), None),
            Some(Tower::Text(config)) => ("align_text_model", None, None, Some(config)),
            None => {
                let config = source.config()?;
                let size = config.projection_dim;
                ("align", Some(size), Some(config.vision_config), Some(config.text_config))
            }
        };
        let temperature = match joined {
            Some(_) => Some(checkpoint.tensor("temperature", &[])?[0]),
            None => None,
        };
        Ok(Self {
            path: source.to_string(),
            model_type: model_type.to_owned(),
            bytes: checkpoint.file_size(),
            tensors: checkpoint.names().len(),
            parameters: checkpoint.parameters(),
            embedding_size: joined,
            temperature,
            vision: vision.as_ref().map(Vision::from_config),
            text: text.as_ref().map(Text::from_config),
            non_finite: checkpoint
                .scan_non_finite()?
                .into_iter()
                .map(|found| NonFinite {
                    tensor: found.name,
                    nans: found.nans,
                    infinities: found.infinities,
                })
                .collect(),
        })
    }
}

/// The tower of a checkpoint that has only one.
enum Tower {
    Vision(AlignVisionConfig),
    Text(AlignTextConfig),
}

impl Tower {
    fn alone(source: ModelSource<'_>) -> Result<Option<Self>, ConfigError> {
        let Some(folder) = source.folder() else { return Ok(None) };
        Ok(match ConfigFile::open(folder)?.model_type() {
            Some("align_vision_model") => {
                Some(Self::Vision(AlignVisionConfig::from_pretrained(folder)?))
            }
            Some("align_text_model") => Some(Self::Text(AlignTextConfig::from_pretrained(folder)?)),
            _ => None,
        })
    }
}

impl Vision {
    fn from_config(config: &AlignVisionConfig) -> Self {
        Self {
            parameters: config.parameters(),
            channels: config.num_channels,
            image_height: config.image_size.height,
            image_width: config.image_size.width,
            blocks: config.blocks().len(),
        }
    }
}

impl Text {
    fn from_config(config: &AlignTextConfig) -> Self {
        Self {
            parameters: config.parameters(),
            vocabulary: config.vocab_size,
            max_tokens: config.max_position_embeddings,
            layers: config.num_hidden_layers,
            heads: config.num_attention_heads,
            hidden_size: config.hidden_size,
        }
    }
}

impl Machine {
    fn from_runtime(runtime: &Runtime, precision: Precision) -> Self {
        Self {
            isa: runtime.isa.name().to_string(),
            isas_found: Isa::available().iter().map(|isa| isa.name().to_string()).collect(),
            precision: precision.to_string(),
            precisions: Precision::available()
                .iter()
                .map(|precision| Means {
                    precision: precision.to_string(),
                    by: runtime.isa.product_instructions(*precision),
                })
                .collect(),
            threads: runtime.threads.count(),
        }
    }
}

impl Record for Info {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(model) = &self.model {
            model.table(out)?;
        }
        let Machine { isa, isas_found, precision, precisions, threads } = &self.machine;
        writeln!(out, "instructions  {isa} (found: {})", isas_found.join(", "))?;
        writeln!(out, "precision     {precision}")?;
        for Means { precision, by } in precisions {
            writeln!(out, "  {precision:12}{by}")?;
        }
        writeln!(out, "threads       {threads}")
    }
}

impl Model {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "model         {} ({})", self.path, self.model_type)?;
        let megabytes = self.bytes as f64 / 1e6;
        writeln!(
            out,
            "weights       {} parameters, {} tensors, {megabytes:.1} MB",
            grouped(self.parameters as u64),
            self.tensors
        )?;
        if let Some(v) = &self.vision {
            writeln!(
                out,
                "vision        {} parameters, {} blocks, {} x {} pixels, {} channels",
                grouped(v.parameters),
                v.blocks,
                v.image_height,
                v.image_width,
                v.channels
            )?;
        }
        if let Some(t) = &self.text {
            writeln!(
                out,
                "text          {} parameters, {} layers of {} ({} heads), {} tokens of {}",
                grouped(t.parameters),
                t.layers,
                t.hidden_size,
                t.heads,
                t.max_tokens,
                t.vocabulary
            )?;
        }
        if let (Some(size), Some(temperature)) = (self.embedding_size, self.temperature) {
            writeln!(out, "embedding     {size} values, temperature {temperature}")?;
        }
        for NonFinite { tensor, nans, infinities } in &self.non_finite {
            writeln!(out, "DAMAGED       {tensor}: {nans} NaN, {infinities} infinite")?;
        }
        Ok(())
    }
}

/// A number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 172_117_841].map(grouped), ["0", "999", "1,000", "172,117,841"]);
    }
}
