//! NumPy: the embeddings `[n, width]` without names.

use super::Sink;
use crate::output::OutputFile;
use align_search::npy::{Dtype, write_header};
use anyhow::{Result, ensure};
use ndarray::ArrayView2;
use std::io::Write;

pub(super) struct Npy {
    file: OutputFile,
    /// The length of the header. It is written for zero rows first and replaced at the end.
    header: usize,
    rows: usize,
    width: usize,
}

impl Npy {
    pub(super) fn new(mut file: OutputFile, width: usize) -> Result<Self> {
        let header = header(0, width)?;
        file.write_all(&header)?;
        Ok(Self { file, header: header.len(), rows: 0, width })
    }
}

impl<const N: usize> Sink<N> for Npy {
    fn write(&mut self, _: &[[String; N]], embeddings: ArrayView2<f32>) -> Result<()> {
        self.rows += embeddings.nrows();
        Ok(embeddings.iter().try_for_each(|x| self.file.write_all(&x.to_le_bytes()))?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let header = header(self.rows, self.width)?;
        // Headers are padded, so the length does not depend on the number of rows.
        let (expected, found) = (self.header, header.len());
        ensure!(expected == found, "a header of {found} bytes in the place of one of {expected}");
        self.file.overwrite_start(&header)?;
        Ok(self.file.commit()?)
    }
}

fn header(rows: usize, width: usize) -> Result<Vec<u8>> {
    let mut header = Vec::new();
    write_header(&mut header, Dtype::F32, &[rows, width])?;
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn headers_of_any_number_of_rows_have_one_length() {
        for rows in [0, 1, 1_000_000, usize::MAX] {
            assert_eq!(header(rows, 640).unwrap().len(), 128);
            assert_eq!(header(rows, 1 << 24).unwrap().len(), 128);
        }
    }
}
