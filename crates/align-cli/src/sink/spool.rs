//! Values on disk, for formats whose header needs the number of rows.

use crate::output::OutputFile;
use ndarray::ArrayView2;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

/// Rows of little-endian f32 in an unnamed file in the folder of the output.
pub(super) struct Spool {
    file: BufWriter<File>,
    rows: usize,
}

impl Spool {
    pub(super) fn new(output: &OutputFile) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(output.unnamed_file()?), rows: 0 })
    }

    pub(super) fn write(&mut self, embeddings: ArrayView2<f32>) -> io::Result<()> {
        self.rows += embeddings.nrows();
        embeddings.iter().try_for_each(|x| self.file.write_all(&x.to_le_bytes()))
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Appends all values to the output.
    pub(super) fn copy_to(self, output: &mut OutputFile) -> io::Result<()> {
        let written = self.file.into_inner().map_err(io::IntoInnerError::into_error);
        let rewound = written.and_then(|mut file| file.rewind().map(|()| file));
        let mut file = rewound.map_err(|error| output.cannot_write(error))?;
        io::copy(&mut file, output).map(drop)
    }
}
