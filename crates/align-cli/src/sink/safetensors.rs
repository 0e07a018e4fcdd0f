//! One tensor, `embeddings [n, width]`; each column is a JSON list in the metadata.

use super::Sink;
use crate::output::OutputFile;
use anyhow::Result;
use ndarray::ArrayView2;
use safetensors::{Dtype, tensor::TensorView};
use std::collections::HashMap;
use std::io::Write;

/// Collects rows: the file begins with their number and names.
pub(super) struct Safetensors<const N: usize> {
    file: OutputFile,
    columns: [&'static str; N],
    names: [Vec<String>; N],
    bytes: Vec<u8>,
    width: usize,
}

impl<const N: usize> Safetensors<N> {
    pub(super) fn new(file: OutputFile, columns: [&'static str; N], width: usize) -> Self {
        Self { file, columns, names: [const { Vec::new() }; N], bytes: Vec::new(), width }
    }
}

impl<const N: usize> Sink<N> for Safetensors<N> {
    fn write(&mut self, names: &[[String; N]], embeddings: ArrayView2<f32>) -> Result<()> {
        for row in names {
            self.names.iter_mut().zip(row).for_each(|(all, name)| all.push(name.clone()));
        }
        self.bytes.extend(embeddings.iter().flat_map(|x| x.to_le_bytes()));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { mut file, columns, names, bytes, width } = *self;
        let rows = bytes.len() / size_of::<f32>() / width;
        let tensor = TensorView::new(Dtype::F32, vec![rows, width], &bytes)?;
        let metadata = columns
            .iter()
            .zip(&names)
            .map(|(column, names)| Ok(((*column).to_owned(), serde_json::to_string(names)?)))
            .collect::<Result<HashMap<_, _>>>()?;
        file.write_all(&safetensors::serialize([("embeddings", tensor)], Some(metadata))?)?;
        Ok(file.commit()?)
    }
}
