//! Embedding tables: vectors that are looked up by their number.

use crate::load::checkpoint::{CheckpointError, Weights};
use crate::number::{Numbers, NumbersCow, Precision};

/// A table `[rows, width]`. It is stored in bf16 if the products read bf16, which halves its memory,
/// else in `f32`.
#[derive(Clone, Debug)]
pub struct EmbeddingTable {
    width: usize,
    rows: NumbersCow<'static>,
}

impl EmbeddingTable {
    /// Loads `weight [rows, width]` of a module.
    ///
    /// # Errors
    /// If the tensor is missing or has another shape or type.
    pub fn load(
        precision: Precision,
        module: &Weights<'_>,
        [rows, width]: [usize; 2],
    ) -> Result<Self, CheckpointError> {
        let values = module.values("weight", &[rows, width])?;
        let rows = values.as_numbers().rounded(precision.value_format());
        module.release("weight");
        Ok(Self { width, rows })
    }

    /// Writes row `index` to `to`.
    ///
    /// # Panics
    /// If there is no such row, or `to` does not have the table's width.
    pub fn copy_row(&self, index: usize, to: &mut [f32]) {
        self.row(index).widen(to);
    }

    /// Adds row `index` to `to`.
    ///
    /// # Panics
    /// As [`copy_row`](Self::copy_row).
    pub fn add_row(&self, index: usize, to: &mut [f32]) {
        self.row(index).add_to(to);
    }

    /// The values of row `index`.
    fn row(&self, index: usize) -> Numbers<'_> {
        self.rows.as_numbers().slice(index * self.width..(index + 1) * self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::checkpoint::TensorSource;
    use std::borrow::Cow;

    struct Source;

    impl TensorSource for Source {
        fn tensor(&self, _: &str, _: &[usize]) -> Result<Cow<'_, [f32]>, CheckpointError> {
            Ok(vec![1.0, 1.001, -3.0, 0.1].into())
        }

        fn contains(&self, _: &str) -> bool {
            true
        }
    }

    #[test]
    fn rows_are_rounded_like_the_operands_of_products() {
        let source = Source;
        for precision in Precision::ALL {
            let table = EmbeddingTable::load(precision, &Weights::new(&source), [2, 2]).unwrap();
            let mut row = [0.0; 2];
            table.copy_row(0, &mut row);
            table.add_row(1, &mut row);
            // 0.1 is 1.6 / 16, and 1.6 in steps of 2^-7 is 1.6015625.
            let rounded = [1.0 - 3.0, 1.0 + 0.100_097_656];
            let exact = [1.0 - 3.0, 1.001 + 0.1];
            let rounds = matches!(precision, Precision::Bf16 | Precision::Int8);
            assert_eq!(row, if rounds { rounded } else { exact }, "{precision}");
        }
    }
}
