//! Output of embeddings: to standard output, or to a file in the format of its extension.
//!
//! A row is an embedding with one string for each of `N` named columns.

mod jsonl;
mod npy;
mod open;
#[cfg(feature = "parquet")]
mod parquet;
mod row;
mod safetensors;
mod spool;
mod stdout;

pub(crate) use open::sink;

use anyhow::Result;
use ndarray::ArrayView2;

/// Receives rows one batch after another. Without a call of [`finish`](Self::finish), no file is left.
pub(crate) trait Sink<const N: usize> {
    /// Writes rows: one entry of `names` for each row of `embeddings [n, width]`.
    fn write(&mut self, names: &[[String; N]], embeddings: ArrayView2<f32>) -> Result<()>;

    /// Writes the rest and completes the file.
    fn finish(self: Box<Self>) -> Result<()>;
}
