//! JSON lines: one object for each row.

use super::Sink;
use super::row::Row;
use crate::output::OutputFile;
use anyhow::Result;
use ndarray::ArrayView2;
use std::io::Write;

pub(super) struct Jsonl<const N: usize> {
    file: OutputFile,
    columns: [&'static str; N],
}

impl<const N: usize> Jsonl<N> {
    pub(super) fn new(file: OutputFile, columns: [&'static str; N]) -> Self {
        Self { file, columns }
    }
}

impl<const N: usize> Sink<N> for Jsonl<N> {
    fn write(&mut self, names: &[[String; N]], embeddings: ArrayView2<f32>) -> Result<()> {
        for (names, embedding) in names.iter().zip(embeddings.rows()) {
            let row = Row { columns: self.columns, names, embedding };
            writeln!(self.file, "{}", serde_json::to_string(&row)?)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(self.file.commit()?)
    }
}
