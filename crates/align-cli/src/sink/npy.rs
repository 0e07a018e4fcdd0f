//! The embeddings alone, `[n, width]`.

use super::Sink;
use super::spool::Spool;
use crate::output::OutputFile;
use align_search::npy::{Dtype, write_header};
use anyhow::Result;
use ndarray::ArrayView2;

pub(super) struct Npy {
    file: OutputFile,
    values: Spool,
    width: usize,
}

impl Npy {
    pub(super) fn new(file: OutputFile, width: usize) -> Result<Self> {
        Ok(Self { values: Spool::beside(&file)?, file, width })
    }
}

impl<const N: usize> Sink<N> for Npy {
    fn write(&mut self, _: &[[String; N]], embeddings: ArrayView2<f32>) -> Result<()> {
        Ok(self.values.write(embeddings).map_err(|error| self.file.cannot_write(error))?)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { mut file, values, width } = *self;
        write_header(&mut file, Dtype::F32, &[values.rows(), width])?;
        values.copy_to(&mut file)?;
        Ok(file.commit()?)
    }
}
