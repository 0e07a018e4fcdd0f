//! The embeddings alone, `[n, width]`.

use super::Sink;
use crate::output::OutputFile;
use align_search::npy;
use anyhow::Result;
use ndarray::{Array2, ArrayView2};

/// Collects values: the file begins with their number.
pub(super) struct Npy {
    file: OutputFile,
    values: Vec<f32>,
    width: usize,
}

impl Npy {
    pub(super) fn new(file: OutputFile, width: usize) -> Self {
        Self { file, values: Vec::new(), width }
    }
}

impl<const N: usize> Sink<N> for Npy {
    fn write(&mut self, _: &[[String; N]], embeddings: ArrayView2<f32>) -> Result<()> {
        self.values.extend(embeddings);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { mut file, values, width } = *self;
        let embeddings = Array2::from_shape_vec((values.len() / width, width), values)?;
        npy::write(&mut file, &embeddings)?;
        Ok(file.commit()?)
    }
}
