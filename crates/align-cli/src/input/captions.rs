//! Batches of captions through the text tower.

use super::source::item_error;
use super::tally::Tally;
use crate::cli::{Global, Skipping};
use crate::failure::Outcome;
use align_eval::shards::{Shard, ShardError};
use align_model::{AlignModel, AlignProcessor, text_features};
use anyhow::{Result, anyhow};
use ndarray::Array2;

/// The captions of a batch.
const TEXT_BATCH: usize = 64;

/// A caption and its place.
pub(crate) struct Caption {
    /// The path of the shard, followed by the path of a member or the number of a row from 0.
    pub(crate) item: String,
    pub(crate) text: String,
}

/// Runs captions through the text tower in batches and passes their features on in order. Features
/// are not normalised. Captions that cannot be read, or that the tokenizer rejects, are reported and
/// skipped.
pub(crate) struct CaptionReader<'a> {
    global: &'a Global,
    model: &'a AlignModel,
    processor: &'a AlignProcessor,
}

impl<'a> CaptionReader<'a> {
    pub(crate) fn new(
        global: &'a Global,
        model: &'a AlignModel,
        processor: &'a AlignProcessor,
    ) -> Self {
        Self { global, model, processor }
    }

    /// Calls `receive` with each batch and its features `[N, projection_dim]`.
    pub(crate) fn features(
        self,
        shards: &[Shard],
        column: Option<&str>,
        skipping: &Skipping,
        mut receive: impl FnMut(Vec<Caption>, Array2<f32>) -> Result<()>,
    ) -> Result<Outcome> {
        let mut tally = Tally::new(self.global, "captions", None);
        let mut batch = Vec::with_capacity(TEXT_BATCH);
        for shard in shards {
            shard.captions(column, &mut |caption| {
                let content = caption.content.map_err(|error| match error {
                    ShardError::NoMember { expected } if column.is_none() => {
                        anyhow!("expected {expected} (--column NAME reads .json), found none")
                    }
                    other => item_error(other),
                });
                let text = content.and_then(|text| self.checked(text));
                match text {
                    Err(error) => tally.skip(&caption.name, &error),
                    Ok(text) => batch.push(Caption { item: caption.name, text }),
                }
                if batch.len() < TEXT_BATCH {
                    return Ok(());
                }
                tally.read(batch.len());
                self.run(std::mem::take(&mut batch), &mut receive)
            })?;
        }
        if !batch.is_empty() {
            tally.read(batch.len());
            self.run(batch, &mut receive)?;
        }
        Ok(tally.finish(skipping))
    }

    /// The text, if the model accepts it.
    fn checked(&self, text: String) -> Result<String> {
        self.processor.check_texts(std::slice::from_ref(&text))?;
        Ok(text)
    }

    fn run(
        &self,
        batch: Vec<Caption>,
        receive: &mut impl FnMut(Vec<Caption>, Array2<f32>) -> Result<()>,
    ) -> Result<()> {
        let texts: Vec<&str> = batch.iter().map(|caption| caption.text.as_str()).collect();
        let features = text_features(self.model, self.processor, &texts)?;
        receive(batch, features)
    }
}
