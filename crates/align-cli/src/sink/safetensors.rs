//! Safetensors: one tensor `embeddings [n, width]`. Each column is a JSON list in the metadata.

use super::Sink;
use super::spool::Spool;
use crate::output::OutputFile;
use anyhow::Result;
use ndarray::ArrayView2;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use std::collections::HashMap;
use std::io::Write;

/// The alignment of the data.
const ALIGNMENT: usize = 8;

pub(super) struct Safetensors<const N: usize> {
    file: OutputFile,
    columns: [&'static str; N],
    names: [Vec<String>; N],
    values: Spool,
    width: usize,
}

impl<const N: usize> Safetensors<N> {
    pub(super) fn new(file: OutputFile, columns: [&'static str; N], width: usize) -> Result<Self> {
        let values = Spool::new(&file)?;
        Ok(Self { file, columns, names: [const { Vec::new() }; N], values, width })
    }
}

impl<const N: usize> Sink<N> for Safetensors<N> {
    fn write(&mut self, names: &[[String; N]], embeddings: ArrayView2<f32>) -> Result<()> {
        for row in names {
            self.names.iter_mut().zip(row).for_each(|(all, name)| all.push(name.clone()));
        }
        Ok(self.values.write(embeddings).map_err(|error| self.file.cannot_write(error))?)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { mut file, columns, names, values, width } = *self;
        let (dtype, shape) = (Dtype::F32, vec![values.rows(), width]);
        let data_offsets = (0, values.rows() * width * size_of::<f32>());
        let tensor = TensorInfo { dtype, shape, data_offsets };
        let mut lists = HashMap::new();
        for (column, names) in columns.iter().zip(&names) {
            lists.insert((*column).to_owned(), serde_json::to_string(names)?);
        }
        let metadata = Metadata::new(Some(lists), vec![("embeddings".to_owned(), tensor)])?;
        let mut header = serde_json::to_vec(&metadata)?;
        header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        values.copy_to(&mut file)?;
        Ok(file.commit()?)
    }
}
