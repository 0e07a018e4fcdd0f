//! `align preprocess`: the input of the model.

use crate::cli::{Global, Preprocess};
use crate::failure::Outcome;
use crate::input;
use crate::output::{Record, Records, write_file};
use align_model::TokenizerOptions;
use align_search::npy;
use anyhow::Result;
use ndarray::Axis;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn run(global: &Global, arguments: &Preprocess) -> Result<Outcome> {
    match arguments {
        Preprocess::Image { path, output } => image(global, path, output)?,
        Preprocess::Text { texts } => preprocess_texts(global, texts)?,
    }
    Ok(Outcome::Done)
}

fn image(global: &Global, path: &Path, output: &Path) -> Result<()> {
    let processor = global.model_source()?.image_processor()?;
    let pixel_values = processor.preprocess(&processor.open(path)?)?.insert_axis(Axis(0));
    write_file(output, |out| Ok(npy::write(out, &pixel_values)?))?;
    let shape = pixel_values.shape();
    global.remark(format_args!("{}: pixel values {shape:?}", output.display()));
    Ok(())
}

fn preprocess_texts(global: &Global, texts: &[String]) -> Result<()> {
    let texts = input::texts(texts)?;
    let tokenizer = global.model_source()?.tokenizer()?;
    let encoding = tokenizer.encode(&texts, &TokenizerOptions::default())?;
    let mut records = Records::new(global.format());
    let rows = encoding.input_ids.rows().into_iter().zip(encoding.attention_mask.rows());
    for (text, (input_ids, attention_mask)) in texts.iter().zip(rows) {
        let (input_ids, attention_mask) = (input_ids.to_vec(), attention_mask.to_vec());
        records.write(&Tokens { text, input_ids, attention_mask })?;
    }
    Ok(records.finish()?)
}

#[derive(Serialize)]
struct Tokens<'a> {
    text: &'a str,
    input_ids: Vec<i64>,
    attention_mask: Vec<i64>,
}

impl Record for Tokens<'_> {
    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let masked = self.input_ids.iter().zip(&self.attention_mask);
        let ids: Vec<_> = masked.filter(|(_, mask)| **mask != 0).map(|(id, _)| id).collect();
        let padding = self.input_ids.len() - ids.len();
        writeln!(out, "{}\n  {} tokens, {padding} of padding: {ids:?}", self.text, ids.len())
    }
}
