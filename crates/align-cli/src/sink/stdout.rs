//! Standard output: each row is written as soon as it is known.

use super::Sink;
use super::row::Row;
use crate::cli::Format;
use crate::output::Records;
use anyhow::Result;
use ndarray::ArrayView2;

pub(super) struct Stdout<const N: usize> {
    records: Records,
    columns: [&'static str; N],
}

impl<const N: usize> Stdout<N> {
    pub(super) fn new(columns: [&'static str; N], format: Format) -> Self {
        Self { records: Records::new(format), columns }
    }
}

impl<const N: usize> Sink<N> for Stdout<N> {
    fn write(&mut self, names: &[[String; N]], embeddings: ArrayView2<f32>) -> Result<()> {
        for (names, embedding) in names.iter().zip(embeddings.rows()) {
            self.records.write(&Row { columns: self.columns, names, embedding })?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(self.records.finish()?)
    }
}
